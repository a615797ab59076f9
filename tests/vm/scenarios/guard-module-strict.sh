#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 900

# Both functions go to the VM, and the guard module keeps all bus resets from the card, where nothing else saves it: twenty starts and stops
# without one, everything as before after each, the flag gone whenever the card is home. Without the module the same start is refused in prefail,
# with the choices that there are.
. ./lib.sh
. ./gpuswitch.sh
starts_with_guard_module 20
