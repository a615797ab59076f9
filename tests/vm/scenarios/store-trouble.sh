#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 600

# The disk under the store is full, or read-only, and the clock is set back: what cannot be recorded is not begun and says why, and all
# is well as soon as there is room again, without a restart. What a full disk does in the middle of a switch, the simulator tells.
. ./lib.sh
. ./gpuswitch.sh

state=/var/lib/gpuswitch
store=$state/gpuswitch.db
card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest "$card"

# A small disk of its own under the store.
daemon_down
mkdir /run/kept && cp -a $state/. /run/kept/
mount -t tmpfs -o size=3m,mode=700 tmpfs $state || fail "no tmpfs"
cp -a /run/kept/. $state/
daemon_up

# The daemon is restarted first, because a log that was written back is used again and needs no room.
fill() {
    systemctl restart gpuswitchd || fail "the service does not restart"
    wait_until 30 gpuswitchctl status "$card" > /dev/null
    dd if=/dev/zero of=$state/filler bs=4k 2> /dev/null && fail "the disk does not get full"
}

make_room() {
    rm $state/filler
}

records() { # what the store holds for unfinished
    sqlite3 -readonly $store "SELECT count(*) FROM operation"
}

no_record() {
    [ "$(records)" = 0 ]
}

refused_for() { # REGEX
    gpuswitchctl to-guest "$card" > /run/switch.log 2>&1 && fail "to-guest should have been refused"
    expect_match "$(cat /run/switch.log)" "could not be recorded in $state \($1\)" "the reason"
    expect_refused guest "could not be recorded"
    expect_status 1 .owner host
    settings_compare "$before" "$card"
}

# Full before anything has begun.
fill
refused_for "No space left on device"
gpuswitchctl list > /dev/null || fail "questions are answered"
make_room
cycles 1 guest 1 "$before"

# Full when a guest ends: the way home is owed, and paid without a word.
vm_start guest || fail "start"
fill
vm_destroy guest
wait_until 30 journal_has MESSAGE_ID=f23a93214b014d03aa9db102b9feb1be GPUSWITCH_REASON=store
expect_eq "$(driver_of "$card")" vfio-pci "driver while its way home cannot be recorded"
make_room
wait_until 90 at_home 1
settings_compare "$before" "$card"

# Full, and the daemon is killed: there is no store at all until there is room.
fill
systemctl kill -s KILL gpuswitchd
wait_until 30 systemctl -q is-active gpuswitchd
wait_until 30 gpuswitchctl status "$card"
if gpuswitchctl to-guest "$card" > /run/switch.log 2>&1; then
    fail "to-guest should have been refused"
fi
expect_match "$(cat /run/switch.log)" "could not be recorded in $state" "the reason"
make_room
able() {
    gpuswitchctl to-guest "$card" > /dev/null 2>&1
}
wait_until 60 able
gpuswitchctl to-host "$card" || fail "to-host"
settings_compare "$before" "$card"

# Read-only at the start.
daemon_down
mount -o remount,ro $state || fail "not read-only"
daemon_up
refused_for "Read-only file system"
mount -o remount,rw $state || fail "not writable"
# The service's own view of the folder was made when it was started, and stays read-only: the refusal says so.
systemctl restart gpuswitchd || fail "the service does not restart"
wait_until 60 able
gpuswitchctl to-host "$card" || fail "to-host"

# The clock is set back by a year while a guest runs, and the daemon is restarted then.
timedatectl set-ntp false 2> /dev/null
state_before=$(status 1 .reset_state)
vm_start guest || fail "start"
now=$(date +%s)
date -s "@$((now - 31536000))" > /dev/null || fail "the clock cannot be set"
gpuswitchctl status "$card" || fail "status"
expect_status 1 .domain.name guest
systemctl restart gpuswitchd || fail "the service does not restart"
wait_until 30 status_is 1 .domain.name guest
systemctl restart gpuswitch-virtwatch
expect_status 1 .domain.name guest
vm_destroy guest
wait_until 60 at_home 1
settings_compare "$before" "$card"
expect_eq "$(status 1 .reset_state)" "$state_before" "reset state"
expect_eq "$(sqlite3 -readonly $store "SELECT event FROM evidence ORDER BY n DESC LIMIT 1")" host-bind "the last event"
gpuswitchctl log "$card" > /dev/null || fail "log"
date -s "@$((now + 60))" > /dev/null
cycles 1 guest 1 "$before"
expect_model bus_resets 0
wait_until 10 no_record
