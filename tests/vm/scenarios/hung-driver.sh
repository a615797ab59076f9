#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# temper: strict
# timeout: 240

# The driver's remove() hangs: the start is refused in time, daemon and libvirt answer, the other card switches, the
# service stops and starts, and when the driver comes back after all the card is looked at afresh.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest "$card"
vm_define other "$(card_bdf 2)"
model_set hang_remove -1

vm_start guest > /run/guest.log 2>&1 &
start=$!
wait_until 30 status_is 1 .owner switching
vm_start other || fail "the other card while the first hangs"
vm_destroy other
wait_until 60 at_home 2
wait $start && fail "the start should be refused"
cat /run/guest.log
expect_match "$(cat /run/guest.log)" "stuck" "the reason that libvirt shows"
expect_status 1 .stuck true
expect_match "$(status 1 .stuck_reason)" "unbind $card from amdgpu" "what hangs"
virsh -q list --all > /dev/null || fail "libvirt does not answer"
expect_refused guest "stuck"
gpuswitchctl to-host "$card" && fail "to-host of a stuck card"

systemctl restart gpuswitchd || fail "the service does not restart"
wait_until 60 status_is 1 .stuck true
vm_start other || fail "the other card after the restart"
vm_destroy other
wait_until 60 at_home 2

model_set hang_remove 0
wait_until 60 status_is 1 .stuck false
wait_until 60 at_home 1
settings_compare "$before" "$card"
expect_unharmed 1
cycles 1 guest 1 "$before"
