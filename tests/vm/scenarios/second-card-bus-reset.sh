#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# gpuswitch: off

# Plain libvirt and a card that lives by its bus reset: it happens at each start, and the guest gets a card that was reset.
. ./lib.sh

card=$(card_bdf 2)
before=$(settings_snapshot "$card")
vm_define guest "$card" "${card%.0}.1"
for cycle in 1 2 3; do
    model_set bus_resets 0 2
    vm_start guest || fail "start $cycle should work"
    expect_eq "$(driver_of "$card") $(driver_of "${card%.0}.1")" "vfio-pci vfio-pci" "drivers in cycle $cycle"
    guest_has_begun() { [ "$(model_get guest_starts 2)" = "$cycle" ]; }
    wait_until 30 guest_has_begun
    [ "$(model_get bus_resets 2)" -ge 1 ] || fail "no bus reset in cycle $cycle"
    vm_destroy guest || fail "stop $cycle should work"
    settings_compare "$before" "$card"
done
expect_model guest_starts_unreset 0 2
expect_model state touched 2
expect_model bus_resets 0 1

# The third card resets itself, function by function.
card=$(card_bdf 3)
before=$(settings_snapshot "$card")
expect_match "$(cat "/sys/bus/pci/devices/$card/reset_method")" "flr" "reset methods of the third card"
vm_define other "$card"
vm_start other || fail "the third card should start"
expect_eq "$(driver_of "$card")" vfio-pci "driver of the third card"
vm_destroy other || fail "the third card should stop"
settings_compare "$before" "$card"
