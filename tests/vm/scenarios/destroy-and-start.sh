#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# Destroy and start at once: the way home is turned round, or waited for; each time the guest starts.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest "$card"
vm_start guest || fail "start"
for i in 1 2 3; do
    vm_destroy guest && vm_start guest || fail "destroy and start $i"
    expect_status 1 .owner guest
    expect_eq "$(driver_of "$card")" vfio-pci "driver after destroy and start $i"
    expect_unharmed 1
done
vm_destroy guest
wait_until 60 at_home 1
settings_compare "$before" "$card"
expect_model bus_resets 0
