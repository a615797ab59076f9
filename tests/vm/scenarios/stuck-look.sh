#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: bookworm
# temper: strict
# timeout: 240

# Somebody else's unbind hangs. In kernels of that age the mere look at driver_override then hangs as well: only the helper does, nothing is
# on record, and a daemon that starts anew finds it by its lock.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
model_set hang_remove -1
(echo "$card" > /sys/bus/pci/drivers/amdgpu/unbind) &
wait_until 60 has_driver "$card" ""
gpuswitchctl plan "$card" host && fail "a plan for a card that cannot be looked at"
gpuswitchctl status "$card"
expect_status 1 .stuck true
expect_status 1 .stuck_detail.step "look at $card"
expect_match "$(status 1 '.stuck_detail.help[0]')" "Somebody else's write" "what helps"
words=$(status 1 '.stuck_reason, .stuck_detail')

systemctl restart gpuswitchd || fail "restart"
expect_eq "$(status 1 '.stuck_reason, .stuck_detail')" "$words" "the words after the restart"
gpuswitchctl to-guest "$card" && fail "to-guest of a stuck card"

model_set hang_remove 0
wait_until 60 status_is 1 .stuck false
wait
gpuswitchctl to-host "$card" || fail "to-host after it has come back"
wait_until 60 at_home 1
expect_unharmed 1
