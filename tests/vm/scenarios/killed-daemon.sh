#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: armed

# The daemon is killed when it has committed a step and is about to send it, on the way to the guest and on the way home: the next
# one puts everything in order by itself.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")

gone() {
    [ ! -d "/proc/$1" ]
}

# Killed in the middle of direction $1, where step $2 (from 1) would go to the helper. A request is one sendto(); the first two, in a
# helper of their own, look at the card's two functions.
killed_at() { # DIRECTION STEP
    local pid
    pid=$(systemctl show -P MainPID gpuswitchd)
    strace -qq -o /dev/null -p "$pid" -e trace=sendto -e "inject=sendto:signal=KILL:when=$((2 + $2))" &
    wait_until 10 grep -q 'TracerPid:.*[1-9]' "/proc/$pid/status"
    gpuswitchctl "to-$1" "$card" > /run/switch.log 2>&1 && fail "to-$1 should have been cut off at step $2"
    wait_until 30 gone "$pid"
    wait_until 60 status_is 1 .operation null
    echo "killed at step $2 to the $1: $(journalctl -b -q -o cat -u gpuswitchd | grep 'was cut off' | tail -n 1)"
}

for step in 1 4 7 11 13 17; do
    killed_at guest $step
    wait_until 60 at_home 1
    settings_compare "$before" "$card"
    expect_model bus_resets 0
    expect_model binds_unrestored 0
done

for step in 5 7 10; do
    gpuswitchctl to-guest "$card" > /dev/null 2>&1 || fail "to-guest"
    killed_at host $step
    wait_until 60 at_home 1
    settings_compare "$before" "$card"
done
expect_model bus_resets 0
expect_model binds_unrestored 0
vm_define guest "$card"
cycles 1 guest 1 "$before"
