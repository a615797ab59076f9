#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# The hook without a daemon, and as an ordinary user: it fails closed for GPUs, lets everything else pass, and never prints on stdout.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
vm_define guest "$card"
vm_define plain
hook() { # STATUS NAME OP SUBOP; with NAME's XML
    local out code
    out=$(virsh dumpxml "$2" | "${as[@]}" gpuswitchctl libvirt-hook "$2" "$3" "$4" - 2> /run/hook.err)
    code=$?
    expect_eq "$out" "" "stdout of the hook"
    expect_eq "$code" "$1" "the hook's status for $2 $3 ($(cat /run/hook.err))"
}

as=()
daemon_down
expect_refused guest "gpuswitchd"
hook 1 guest prepare begin
hook 0 plain prepare begin
hook 0 guest reconnect begin
hook 0 guest release end
vm_start plain || fail "a guest without a GPU while the daemon is down"
vm_destroy plain
daemon_up

useradd -m person 2> /dev/null
as=(runuser -u person --)
hook 1 guest prepare begin
expect_match "$(cat /run/hook.err)" "to-guest" "what an ordinary user is told"
hook 0 plain prepare begin
hook 0 guest reconnect begin
gpuswitchctl to-guest "$card" || fail "to-guest"
hook 0 guest prepare begin
gpuswitchctl to-host "$card" || fail "to-host"
