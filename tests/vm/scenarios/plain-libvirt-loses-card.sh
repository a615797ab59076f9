#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# gpuswitch: off

# Plain libvirt, both functions given to the guest: the first start works, the second kills the card, the third says so.
. ./lib.sh

card=$(card_bdf 1)
vm_define guest "$card" "${card%.0}.1"
expect_eq "$(model_get state)" fresh "the card at first"

vm_start guest || fail "the first start should work"
vm_destroy guest || fail "the first stop should work"
expect_eq "$(model_get state)" prefail "the card after the first stop"

vm_start guest || fail "the second start should still seem to work"
vm_destroy guest
expect_eq "$(model_get state)" failed "the card after the second start"

text=$(vm_start guest) && fail "the third start should not work"
echo "$text"
expect_match "$text" "Unknown PCI header type '127'" "libvirt's message"
