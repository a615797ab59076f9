#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# temper: strict
# qemu: -rtc base=utc,clock=host
# timeout: 500

# The machine sleeps. With the kernel's pm_test, and logind's real signals, a card in prefail stays there; after a real S3, by logind or
# past it, it is fresh. Only a clock that runs on while the machine is off wakes it up: hence the RTC by the host's clock.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
exits() { dmesg | grep -c "PM: suspend exit"; }
slept() { [ "$(exits)" -gt "$1" ]; } # COUNT; for wait_until
has_reason() { [[ $(status 1 .reason) == *"$1"* ]]; } # WORDS; for wait_until

sleep_by_logind() { # SECONDS
    local before
    before=$(exits)
    rtcwake -m no -s "$1" > /dev/null || fail "the RTC takes no alarm"
    systemctl suspend || fail "logind does not let the machine sleep"
    wait_until 90 slept "$before"
    rtcwake -m disable > /dev/null
}

sleep_past_logind() { # SECONDS
    rtcwake -m mem -s "$1" > /dev/null || fail "the machine does not sleep"
}

arm() {
    cycles 1 guest 1 "$home"
    wait_until 20 status_is 1 .reset_state prefail
}

expect_match "$(< /sys/power/mem_sleep)" '\[deep\]' "how the machine sleeps"
home=$(settings_snapshot "$card")
vm_define guest "$card"
arm

for level in devices core; do
    echo "$level" > /sys/power/pm_test
    sleep_by_logind 30
    wait_until 20 has_reason "no loss of power is proven"
    expect_status 1 .reset_state prefail
    dmesg | grep -E "PM: suspend|ACPI: PM:" | tail -6
done
echo none > /sys/power/pm_test
journalctl -q -o cat --no-pager -u gpuswitchd | grep -E "going to sleep|awake again" || fail "the daemon has not heard logind"

# The model lives in the memory of the kernel, which a sleep does not take away: what it does to a card is said by hand.
sleep_by_logind 4
model_set state fresh
wait_until 20 status_is 1 .reset_state fresh
dmesg | grep -E "PM: suspend|ACPI: PM:" | tail -6
settings_compare "$home" "$card"

# And it is as good as new: the first guest is free, the bind behind it arms it again.
arm
sleep_past_logind 4
model_set state fresh
wait_until 20 status_is 1 .reset_state fresh
arm

# A person asks for it: the daemon sets the clock, from within its sandbox, and logind does the rest.
vm_start guest || fail "start"
gpuswitchctl recover "$card" --suspend 2> /run/recover.err && fail "the machine was suspended under a guest"
expect_match "$(< /run/recover.err)" "belongs to virtual machine 'guest'" "why not"
vm_destroy guest || fail "stop"
wait_until 60 at_home 1
gpuswitchctl recover "$card" --suspend > /run/recover.out || fail "gpuswitchctl recover --suspend"
cat /run/recover.out
expect_match "$(< /run/recover.out)" "reset state fresh" "what came of it"
model_set state fresh
gpuswitchctl recover "$card" --suspend 2> /run/recover.err && fail "the machine was suspended for a fresh card"
expect_match "$(< /run/recover.err)" "state fresh" "why not"
arm
expect_model bus_resets_in_prefail 0
