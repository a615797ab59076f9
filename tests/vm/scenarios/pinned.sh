#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# model: on
# gpuswitch: off

# Pins the simulator to a real kernel: the same steps (tests/sim/pinned-steps) give the same transcript there and here.
. ./lib.sh

display=$(card_bdf 1)
modprobe -a vfio-pci pci-stub || fail "the modules are not there"
python3 ./pinned-steps "$display" "${display%.0}.1" > /run/transcript || fail "the steps broke off: $(tail -n 3 /run/transcript)"
diff -u ./pinned.expected /run/transcript || fail "this kernel gives another transcript than tests/sim/pinned.expected"
echo "$(grep -c '^-' /run/transcript) steps, as in the simulator"
