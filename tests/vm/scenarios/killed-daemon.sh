#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: armed

# The daemon is killed at each step of the way to the guest, and of the way home: the next one puts everything in order.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")

# Killed when the step in hand is number $2 of direction $1.
killed_at() { # DIRECTION STEP
    local pid
    pid=$(systemctl show -P MainPID gpuswitchd)
    busctl --json=short monitor --match "type='signal',interface='org.freedesktop.DBus.Properties',path_namespace='/org/gpuswitch1'" \
        2> /dev/null | grep -m 1 -q "\"step\":{\"type\":\"u\",\"data\":$2}" && kill -9 "$pid" &
    local watcher=$!
    gpuswitchctl "to-$1" "$card" > /run/switch.log 2>&1
    kill "$watcher" 2> /dev/null
    wait_until 30 eval '[ "$(systemctl show -P MainPID gpuswitchd)" != 0 ]'
    wait_until 60 gpuswitchctl list > /dev/null 2>&1
    wait_until 60 status_is 1 .operation null
}

for step in 3 7 9 12 15; do
    killed_at guest $step
    gpuswitchctl to-host "$card" || fail "home after a kill at step $step"
    wait_until 60 at_home 1
    settings_compare "$before" "$card"
    expect_eq "$(model_get binds_unrestored)" 0 "binds without BARs after a kill at step $step"
done
gpuswitchctl to-guest "$card" || fail "to-guest"
killed_at host 6
gpuswitchctl to-host "$card" || fail "home after a kill on the way home"
settings_compare "$before" "$card"
expect_model bus_resets 0
