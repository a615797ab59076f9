# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What scenarios about gpuswitch share. It is read behind lib.sh.


# --- what the daemon says

status() { # CARD JQ-FILTER; e.g. status 1 .owner
    gpuswitchctl status --json "$(card_bdf "$1")" | jq -r ".gpus[0] | $2"
}

status_is() { # CARD JQ-FILTER VALUE; for wait_until
    [ "$(status "$1" "$2")" = "$3" ]
}

expect_status() { # CARD JQ-FILTER VALUE
    expect_eq "$(status "$1" "$2")" "$3" "$2 of card $1"
}

at_home() { # CARD; for wait_until
    status_is "$1" '.owner + " " + (.operation | tostring)' "host null"
}

# --- what must hold all the time

# No bus reset in prefail, no guest on a card that was not reset, no host driver on BARs that nobody restored, no card lost.
expect_unharmed() { # [CARD]
    expect_model bus_resets_in_prefail 0 "${1:-1}"
    expect_model binds_unrestored 0 "${1:-1}"
    [ "${1:-1}" != 1 ] || expect_model guest_starts_unreset 0
    [ "$(model_get state "${1:-1}")" != failed ] || fail "card ${1:-1} is lost"
}

# --- the main job, again and again

# The guest's firmware has reached the card; before that, a start shows nothing about the card.
guest_has_begun() { # CARD STARTS-BEFORE
    [ "$(model_get guest_starts "$1")" -gt "$2" ]
}

# cycles N NAME CARD SNAPSHOT; the card comes home after each stop as it was before
cycles() {
    local i starts
    for ((i = 1; i <= $1; i++)); do
        starts=$(model_get guest_starts "$3")
        vm_start "$2" || fail "start $i of $2"
        wait_until 60 guest_has_begun "$3" "$starts"
        expect_eq "$(driver_of "$(card_bdf "$3")")" vfio-pci "driver while $2 runs"
        vm_destroy "$2" || fail "stop $i of $2"
        wait_until 60 at_home "$3"
        settings_compare "$4" "$(card_bdf "$3")"
        expect_unharmed "$3"
    done
}

# The main job in the temper that the scenario asked for, from a fresh card on.
twenty_starts() {
    local card before
    card=$(card_bdf 1)
    before=$(settings_snapshot "$card")
    vm_define guest "$card"
    expect_status 1 .family polaris10
    expect_status 1 .reset_state fresh
    cycles 20 guest 1 "$before"
    expect_model bus_resets 0
    expect_model guest_starts 20
    expect_status 1 .reset_state prefail
}

# The same with both functions in the VM, where only the guard module saves the card, from a fresh card on; then without the module.
starts_with_guard_module() { # N
    local card before i starts
    card=$(card_bdf 1)
    before=$(settings_snapshot "$card")
    vm_define both "$card" "${card%.0}.1"
    guard_load
    expect_guarded
    for ((i = 1; i <= $1; i++)); do
        starts=$(model_get guest_starts)
        vm_start both || fail "start $i"
        wait_until 60 guest_has_begun 1 "$starts"
        expect_eq "$(driver_of "$card") $(driver_of "${card%.0}.1")" "vfio-pci vfio-pci" "drivers while the VM runs"
        expect_status 1 .guard guard-module
        expect_guarded "$card"
        vm_destroy both || fail "stop $i"
        wait_until 60 at_home 1
        expect_guarded
        expect_status 1 .guard none
        settings_compare "$before" "$card"
        expect_unharmed
    done
    expect_model bus_resets 0
    expect_model guest_starts "$1"
    expect_status 1 .reset_state prefail

    guard_unload || fail "the module stays"
    expect_refused both "gpuswitch-guard is not loaded"
    expect_refused both "delete the <hostdev>"
    expect_refused both "modprobe gpuswitch-guard"
    expect_refused both "stay"
    settings_compare "$before" "$card"
    expect_model bus_resets 0
    echo "$1 starts with both functions, no bus reset; refused without the module"
}

expect_refused() { # NAME REGEX; libvirt shows the reason
    local text
    text=$(vm_start "$1") && fail "$1 should have been refused"
    echo "$text"
    expect_match "$text" "$2" "the reason that libvirt shows"
}

daemon_down() {
    systemctl -q mask --now --runtime gpuswitchd.service
}

daemon_up() {
    systemctl -q unmask --runtime gpuswitchd.service
    systemctl -q start gpuswitchd.service || fail "gpuswitchd does not start"
}

journal_has() { # FIELD=VALUE...
    [ -n "$(journalctl -b -q -o cat --no-pager "$@" | head -n 1)" ]
}

# --- processes that die around the daemon; the scenario has set $card and $before

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

# A start whose unbind hangs until the model is told otherwise, in the middle of the hook.
begin_start() {
    model_set hang_remove -1
    vm_start guest > /run/start.log 2>&1 &
    starting=$!
    wait_until 30 status_is 1 '.operation.description // "" | test("unbind")' true
}
