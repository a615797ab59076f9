#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 600

# The daemon is killed, or restarted, between two things that belong together: what it knew of a guest without guard, a way home that was
# owed, a switch that was about to be put back.
. ./lib.sh
. ./gpuswitch.sh

store=/var/lib/gpuswitch/gpuswitch.db
card=$(card_bdf 1)
second=$(card_bdf 2)
before=$(settings_snapshot "$card")
vm_define guest "$card"
vm_define other "$second"

gone() {
    [ ! -d "/proc/$1" ]
}

# Killed where it is about to start its next helper.
kill_at_next_helper() {
    pid=$(systemctl show -P MainPID gpuswitchd)
    strace -qq -o /dev/null -p "$pid" -e trace=process -e inject=clone,clone3,vfork:signal=KILL &
    wait_until 10 grep -q 'TracerPid:.*[1-9]' "/proc/$pid/status"
}

bus_resets_on_record() { # CARD
    sqlite3 -readonly $store "SELECT count(*) FROM evidence WHERE event = 'bus-reset' AND identity =
        (SELECT identity FROM card WHERE address = '$1')"
}

# A guest that nothing guards counts as a bus reset when it gets the card, and again when it ends, whoever is the daemon by then.
vm_start other || fail "start of other"
expect_eq "$(bus_resets_on_record "$second")" 1 "bus resets on record when the guest has begun"
systemctl restart gpuswitchd || fail "the service does not restart"
wait_until 30 status_is 2 .domain.name other
vm_destroy other || fail "destroy of other"
wait_until 60 at_home 2
expect_eq "$(bus_resets_on_record "$second")" 2 "bus resets on record when the guest has ended"

# Released, and killed before the way home is on record.
vm_start guest || fail "start"
kill_at_next_helper
vm_destroy guest || fail "destroy"
wait_until 30 gone "$pid"
wait_until 60 at_home 1
settings_compare "$before" "$card"
journalctl -b -q -o cat -u gpuswitchd | grep -q 'was cut off' && fail "nothing was on record"

# A switch is given up, and the daemon killed before the first step of its way back.
model_set hang_remove -1
vm_start guest > /run/start.log 2>&1 &
starting=$!
wait_until 30 status_is 1 '.operation.description // "" | test("unbind")' true
kill_at_next_helper
pkill -KILL -f 'gpuswitchctl libvirt-hook guest prepare' || fail "no hook to kill"
wait $starting && fail "the start should have been refused"
model_set hang_remove 0
wait_until 30 gone "$pid"
wait_until 60 at_home 1
settings_compare "$before" "$card"
journalctl -b -q -o cat -u gpuswitchd | grep 'the way back of a switch that had failed, step 0 of' ||
    fail "the way back was not taken up where it was"
cycles 1 guest 1 "$before"
expect_model bus_resets 0
