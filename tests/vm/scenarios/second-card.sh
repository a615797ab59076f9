#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# A family whose bus reset is wanted: all its functions go to vfio-pci, and the reset happens. The card beside it does not notice.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 2)
before=$(settings_snapshot "$card")
first=$(settings_snapshot "$(card_bdf 1)")
vm_define guest "$card"
resets=$(model_get bus_resets 2)
vm_start guest || fail "start"
expect_status 2 .family nvidia
expect_eq "$(driver_of "${card%.0}.1")" vfio-pci "the audio function"
vm_destroy guest || fail "stop"
wait_until 60 at_home 2
settings_compare "$before" "$card"
[ "$(model_get bus_resets 2)" -gt "$resets" ] || fail "the bus reset that this family wants did not happen"

cycles 2 guest 2 "$before"
settings_compare "$first" "$(card_bdf 1)"

# A third one, that resets by FLR, and all three in one machine.
vm_define three "$(card_bdf 1)" "$card" "$(card_bdf 3)"
vm_start three || fail "a guest with three cards"
for n in 1 2 3; do expect_status $n .domain.name three; done
vm_destroy three
for n in 1 2 3; do wait_until 60 at_home $n; done
settings_compare "$before" "$card"
settings_compare "$first" "$(card_bdf 1)"
