#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 400

# Twenty starts and stops where only a blocked bus reset saves the card: no card lost, no bus reset at all, every guest
# on a card that was reset, every host bind with its BARs, everything as before after each stop.
. ./lib.sh
. ./gpuswitch.sh
twenty_starts
