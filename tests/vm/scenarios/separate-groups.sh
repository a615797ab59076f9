#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# groups: separate
# gpuswitch: off

# The variant of the machine in which each function of a card has an IOMMU group of its own.
. ./lib.sh

card=$(card_bdf 1)
[ "$(group_of "$card")" != "$(group_of "${card%.0}.1")" ] || fail "both functions are in group $(group_of "$card")"

# So the display function alone can be given away while the audio function stays with the host; nothing resets the bus then.
vm_define guest "$card"
vm_start guest || fail "the start should work"
expect_eq "$(driver_of "${card%.0}.1")" snd_hda_intel "driver of the audio function meanwhile"
vm_destroy guest
expect_model bus_resets 0
