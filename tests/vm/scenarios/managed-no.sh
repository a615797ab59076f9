#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# temper: strict
# groups: separate

# managed='no': libvirt keeps such a device in its books and would reset it under a live driver, were it not on vfio-pci in time.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest managed=no "$card"
cycles 3 guest 1 "$before"
expect_model bus_resets 0
