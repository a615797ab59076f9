#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 400

# However a guest ends, and whatever is restarted meanwhile, the card comes home.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest "$card"

home_again() { # WHAT
    wait_until 60 at_home 1
    settings_compare "$before" "$card"
    expect_unharmed 1
    expect_status 1 .domain null
    echo "came home: $1"
}

vm_start guest || fail "start"
kill -9 "$(vm_pid guest)"
home_again "QEMU killed with SIGKILL"

vm_start guest || fail "start"
virsh -q qemu-monitor-command guest --hmp system_reset
expect_status 1 .owner guest
vm_destroy guest
home_again "guest reboot and virsh destroy"

vm_start guest || fail "start"
libvirt=libvirtd.service
systemctl is-active -q "$libvirt" || libvirt=virtqemud.service
systemctl restart "$libvirt"
expect_status 1 .owner guest
expect_eq "$(vm_state guest)" running "the guest after a restart of libvirt"
vm_destroy guest
home_again "restart of libvirt while the guest runs"

vm_start guest || fail "start"
systemctl restart gpuswitchd
expect_status 1 .owner guest
expect_status 1 .domain.name guest
vm_destroy guest
home_again "restart of gpuswitchd while the guest runs"

vm_start guest || fail "start"
daemon_down
vm_destroy guest
expect_eq "$(driver_of "$card")" vfio-pci "the card while nobody looks"
daemon_up
home_again "stopped while gpuswitchd was down"

vm_start guest || fail "start"
systemctl stop gpuswitch-virtwatch
daemon_down
kill -9 "$(vm_pid guest)"
wait_until 30 eval '[ "$(vm_state guest)" = "shut off" ]'
daemon_up
systemctl start gpuswitch-virtwatch
home_again "died while neither the daemon nor virtwatch looked"
expect_model bus_resets 0
