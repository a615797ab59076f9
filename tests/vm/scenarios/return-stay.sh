#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# "return": "stay": the card waits on vfio-pci, and a guest with both functions can be restarted at will.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
mkdir -p /etc/gpuswitch/policy.d
cat > /etc/gpuswitch/policy.d/50-stay.json << X
// the way out for people who need the audio function in the guest
{ "version": 1, "cards": [ { "match": { "address": "$card" }, "name": "gaming", "return": "stay" } ] }
X
systemctl reload gpuswitchd
wait_until 10 status_is 1 .return_to stay
before=$(settings_snapshot "$card")
vm_define both "$card" "${card%.0}.1"
for i in 1 2 3; do
    vm_start both || fail "start $i"
    vm_destroy both || fail "stop $i"
    wait_until 30 status_is 1 .operation null
    expect_status 1 .owner guest
    expect_model bus_resets_in_prefail 0
done
gpuswitchctl to-host gaming || fail "to-host by the name from policy"
settings_compare "$before" "$card"
expect_eq "$(model_get binds_unrestored)" 0 "binds without BARs"
