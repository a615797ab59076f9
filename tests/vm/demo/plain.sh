#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# temper: strict
# gpuswitch: off
# timeout: 300

# The demo's first half: plain libvirt and a card with the reset bug, both functions in the XML, managed='yes'.
. ./lib.sh

card=$(card_bdf 1)
vm_define win11 "$card" "${card%.0}.1"
echo "   the card: $(lspci -s "$card" | cut -d' ' -f2-)"
worked=0
for i in 1 2 3 4 5 6 7 8 9 10; do
    if text=$(vm_start win11); then
        echo "   start $i: the virtual machine runs"
    else
        echo "   start $i: libvirt says: $(sed -n 's/.*\(Unknown PCI header.*\)/\1/p; s/^error: \(internal.*\)/\1/p' <<< "$text" | tail -n 1)"
        break
    fi
    vm_destroy win11 > /dev/null
    if [ "$(model_get state)" = failed ]; then
        echo "   stop  $i: the card is gone from the bus; only switching the power off brings it back"
    else
        worked=$i
        echo "   stop  $i: the host has the card again ($(model_get state))"
    fi
done
echo "RESULT plain libvirt|$worked|$(model_get bus_resets)|$(model_get state)"
