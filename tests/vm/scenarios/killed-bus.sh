#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 600

# The system bus is killed while a guest has the card and while it is on its way: daemon and virtwatch are back without help, no claim
# is lost or stays for a guest that does not run, and the card comes home.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest "$card"

home_again() { # AFTER-WHAT
    wait_until 90 at_home 1
    expect_status 1 .domain null
    settings_compare "$before" "$card"
    expect_unharmed 1
    echo "home again after: $1"
}

main_pid() { # UNIT
    systemctl show -P MainPID "$1"
}

another_pid() { # UNIT PID; for wait_until
    local now
    now=$(main_pid "$1")
    [ "$now" != 0 ] && [ "$now" != "$2" ]
}

virtwatch_is_served() { # since it was started
    systemctl status gpuswitch-virtwatch | grep -q 'gpuswitchd is told'
}

# A start whose unbind hangs until the model is told otherwise, in the middle of the hook.
begin_start() {
    model_set hang_remove -1
    vm_start guest > /run/start.log 2>&1 &
    starting=$!
    wait_until 30 status_is 1 '.operation.description // "" | test("unbind")' true
}

# The bus goes while a guest has the card.
kill_bus() {
    local pid
    pid=$(main_pid dbus)
    kill -KILL "$pid"
    wait_until 120 another_pid dbus "$pid"
}
vm_start guest || fail "start"
pid=$(main_pid gpuswitch-virtwatch)
kill_bus
wait_until 120 status_is 1 .domain.name guest
wait_until 120 another_pid gpuswitch-virtwatch "$pid"
wait_until 120 virtwatch_is_served
wait_until 120 virsh -q list
vm_destroy guest || fail "destroy"
home_again "the bus was killed while a guest had the card"

# ... and while it is on its way: the hook has lost its caller and refuses, the daemon finishes and takes it back.
begin_start
kill_bus
wait $starting && fail "the start should have been refused"
model_set hang_remove 0
wait_until 120 virsh -q list
home_again "the bus was killed in the middle of a start"

cycles 1 guest 1 "$before"
expect_model bus_resets 0
