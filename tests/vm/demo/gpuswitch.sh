#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# temper: strict
# timeout: 400

# The demo's second half: the same card under gpuswitch, ten starts and stops, no configuration.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define win11 "$card"
gpuswitchctl list
echo
echo "   what a start of win11 will do (gpuswitchctl plan $card guest):"
gpuswitchctl plan "$card" guest | sed 's/^/   /'
echo
worked=0
for i in 1 2 3 4 5 6 7 8 9 10; do
    starts=$(model_get guest_starts)
    vm_start win11 || fail "start $i"
    wait_until 60 guest_has_begun 1 "$starts"
    echo "   start $i: the virtual machine runs; card: $(status 1 '"owner \(.owner), reset state \(.reset_state), guard \(.guard)"')"
    vm_destroy win11 > /dev/null
    wait_until 60 at_home 1
    settings_compare "$before" "$card"
    echo "   stop  $i: home again, $(driver_of "$card") and $(driver_of "${card%.0}.1"), everything as before"
    worked=$i
done
expect_unharmed 1
echo
echo "   what the journal has of the last one:"
gpuswitchctl log "$card" -n 8 | sed 's/^/   /'
echo "RESULT gpuswitch|$worked|$(model_get bus_resets)|$(model_get state)"
