#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# Whatever is wrong: a clear error, and nothing is changed.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
second=$(card_bdf 2)
before=$(settings_snapshot "$card" "$second")
unchanged() { settings_compare "$before" "$card" "$second"; }

says() { # EXIT-STATUS REGEX COMMAND...
    local want=$1 regex=$2 text code
    shift 2
    text=$("$@" 2>&1)
    code=$?
    expect_eq "$code" "$want" "exit status of '$*' (it says: $text)"
    expect_match "$text" "$regex" "what '$*' says"
    unchanged
}

says 1 "0000:99:00.0" gpuswitchctl to-guest 0000:99:00.0
says 1 "00:00.0" gpuswitchctl to-guest 00:00.0
says 2 "" gpuswitchctl to-guest
says 2 "" gpuswitchctl plan "$card" sideways
says 2 "" gpuswitchctl frobnicate
says 1 "line" gpuswitchctl libvirt-hook x prepare begin - < <(echo "<domain><uuid>")

vm_define ghost "0000:99:00.0"
expect_refused ghost "0000:99:00.0"
unchanged

# Other kinds of hostdev are none of our business.
vm_define usb
says 0 "" gpuswitchctl libvirt-hook usb prepare begin - < <(virsh dumpxml usb |
    sed "s,</devices>,<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0x5678'/></source></hostdev></devices>,")

# One of two cards is refused: neither moves.
model_set fail 1 2
vm_define two "$card" "$second"
expect_refused two "$second"
expect_eq "$(driver_of "$card")" amdgpu "the first of two cards when the second is refused"
expect_status 1 .owner host
expect_status 1 .domain null

# A policy that cannot be parsed: file and line; automatic switching waits, by hand still works.
mkdir -p /etc/gpuswitch/policy.d
printf '{ "version": 1,\n "cards": [ { "match": ]\n' > /etc/gpuswitch/policy.d/50-bad.json
systemctl reload gpuswitchd
wait_until 10 eval 'journalctl -b -q -u gpuswitchd | grep -q 50-bad.json'
expect_match "$(journalctl -b -q -o cat -u gpuswitchd | grep 50-bad.json | tail -n 1)" "line 2" "where the fault is"
vm_define one "$card"
expect_refused one "50-bad.json"
printf '{ "version": 1, "cards": [ { "match": { "address": "%s" }, "retrun": "stay" } ] }\n' "$card" > /etc/gpuswitch/policy.d/50-bad.json
systemctl reload gpuswitchd
wait_until 10 eval 'journalctl -b -q -u gpuswitchd | grep -q retrun'
expect_match "$(journalctl -b -q -o cat -u gpuswitchd | grep retrun | tail -n 1)" "/cards/0/retrun" "the key's place"
rm /etc/gpuswitch/policy.d/50-bad.json
systemctl reload gpuswitchd
