#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# A store that cannot be read is set aside, never deleted; what it knew is a hole, and the card counts as unknown.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest "$card"
cycles 1 guest 1 "$before"
expect_status 1 .reset_state prefail
daemon_down
echo "this is no database" > /var/lib/gpuswitch/gpuswitch.db
daemon_up
ls /var/lib/gpuswitch/*broken* || fail "the broken store was not kept"
expect_status 1 .reset_state unknown
cycles 2 guest 1 "$before"
expect_model bus_resets 0
