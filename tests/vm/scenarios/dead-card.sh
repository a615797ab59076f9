#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# A card that reads all ones: refused at once with `failed`, said the same everywhere, never bound again.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
vm_define guest "$card"
vm_start guest || fail "start"
model_set fail 1
vm_destroy guest
wait_until 60 status_is 1 .reset_state failed
wait_until 60 status_is 1 .operation null
expect_status 1 .owner none
expect_refused guest "failed"
[ "$(driver_of "$card")" != amdgpu ] || fail "a dead card was bound to its host driver"
journal_has GPUSWITCH_STATE=failed "GPUSWITCH_GPU=$card" || fail "the journal does not say that the card has failed"
gpuswitchctl to-guest "$card" && fail "to-guest by hand should be refused"
gpuswitchctl to-host "$card" && fail "to-host should be refused"

# The other cards go on.
vm_define other "$(card_bdf 2)"
vm_start other || fail "the second card"
vm_destroy other
wait_until 60 at_home 2
