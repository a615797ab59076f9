#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# The XML lists the audio function: no guard is possible. It starts while that is safe, and is refused in prefail with the ways out.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define both "$card" "${card%.0}.1"
vm_define guarded "$card"

vm_start both || fail "the first start, on a card that one driver has used"
expect_status 1 .guard none
vm_destroy both
wait_until 60 at_home 1
settings_compare "$before" "$card"
expect_model bus_resets_in_prefail 0

expect_refused both "${card%.0}.1"
expect_refused both "delete the <hostdev>"
expect_refused both "stay"
settings_compare "$before" "$card"
expect_status 1 .owner host

cycles 2 guarded 1 "$before"
