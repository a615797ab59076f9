#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# A card that died while the host had it: nobody knew; the next start finds out and is refused within it.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
vm_define guest "$card"
model_set fail 1
expect_refused guest "failed"
expect_status 1 .reset_state failed
expect_status 1 .owner none
journal_has GPUSWITCH_STATE=failed "GPUSWITCH_GPU=$card" || fail "the journal does not say that the card has failed"
