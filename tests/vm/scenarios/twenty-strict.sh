#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# temper: strict
# timeout: 400

# Twenty starts and stops: no card lost, no bus reset at all, every guest on a card that was reset, all as before after each stop.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest "$card"
expect_status 1 .family polaris10
expect_status 1 .reset_state fresh

cycles 20 guest 1 "$before"
expect_model bus_resets 0
expect_model guest_starts 20
expect_status 1 .reset_state prefail
