#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# Reverting a running guest to a snapshot ends one QEMU and starts the next: the card is handed on, or comes home and goes again.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
disk=/var/lib/libvirt/images/guest.qcow2
qemu-img create -q -f qcow2 $disk 16M
vm_define guest "$card" xml="<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$disk'/><target dev='hda' bus='ide'/></disk>"
virsh -q snapshot-create-as guest first || fail "no snapshot of the guest while it is off"
vm_start guest || fail "start"
virsh -q snapshot-revert guest first --running --force || fail "revert"
expect_eq "$(vm_state guest)" running "the guest after the revert"
expect_status 1 .domain.name guest
expect_eq "$(driver_of "$card")" vfio-pci "driver after the revert"
expect_unharmed 1
vm_destroy guest
wait_until 60 at_home 1
settings_compare "$before" "$card"
expect_model bus_resets 0
