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

virtwatch_is_served() { # since it was started
    systemctl status gpuswitch-virtwatch | grep -q 'gpuswitchd is told'
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
