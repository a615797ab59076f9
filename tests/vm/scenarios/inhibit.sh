#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# Programs that hold switches back: block refuses a start and says who and why; delay makes it wait until the program, told by
# signal, has let go; neither keeps a card from coming home.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest "$card"

held_by() { # WHO; for wait_until
    gpuswitchctl inhibit --list --json | jq -e --arg who "$1" '.inhibitors | any(.who == $who)' > /dev/null
}
held_by_nobody() {
    [ "$(gpuswitchctl inhibit --list --json | jq '.inhibitors | length')" = 0 ]
}
inhibit() { # UNIT ARGUMENTS...; as a unit, until it is there
    local unit=$1
    shift
    systemd-run -q --unit="$unit" -p RemainAfterExit=yes gpuswitchctl inhibit --who "$unit" "$@" ||
        fail "$unit does not start"
    wait_until 20 held_by "$unit"
}
release() { # UNIT
    systemctl stop "$1"
    wait_until 10 held_by_nobody
}

echo "-- block"
inhibit farm --gpu "$card" --why 'a film of three hours' -- sleep infinity
expect_refused guest "GPU $card is held back by 'farm' \(pid [0-9]+, user 0\): a film of three hours"
settings_compare "$before" "$card"
expect_status 1 .owner host
text=$(gpuswitchctl to-guest "$card" 2>&1) && fail "to-guest should have been refused"
expect_match "$text" "held back by 'farm'" "what to-guest says"
expect_match "$(gpuswitchctl plan "$card" guest)" "vfio-pci" "a plan, which changes nothing and is not refused"
gpuswitchctl to-guest "$(card_bdf 2)" > /dev/null || fail "the other card is held back by nobody"
gpuswitchctl to-host "$(card_bdf 2)" > /dev/null || fail "the other card should come home"
release farm

echo "-- whoever is not at the machine has to ask"
text=$(setpriv --reuid nobody --regid nogroup --clear-groups gpuswitchctl inhibit -- echo "it has run" 2>&1)
expect_eq $? 1 "exit status of nobody's inhibit"
expect_match "$text" "^not allowed: " "what nobody is told"
wait_until 10 held_by_nobody

echo "-- delay, released on the signal"
systemd-run -q --unit=ears -p StandardOutput=file:/run/ears busctl monitor --match \
    "type='signal',interface='org.gpuswitch1.GPU',member='PrepareForSwitch'"
wait_until 20 grep -q Monitoring /run/ears
cat > /run/let-go << X
#!/bin/bash
. $PWD/lib.sh
grep -q -m 1 'BOOLEAN true' < <(tail -n +1 -f /run/ears)
driver_of $card > /run/seen
gpuswitchctl status --json $card >> /run/seen
driver_of $card >> /run/seen
X
chmod +x /run/let-go
inhibit desk --mode delay --why 'it lets the screen go' -- /run/let-go
vm_start guest || fail "the start should have waited, and then gone on"
wait_until 10 held_by_nobody
expect_eq "$(head -n 1 /run/seen)" amdgpu "driver when the program was told"
expect_match "$(cat /run/seen)" "wait for 'desk' \(pid [0-9]+, user 0\)" "what was shown meanwhile"
expect_eq "$(tail -n 1 /run/seen)" amdgpu "driver while it was waited for"
wait_until 20 grep -q 'BOOLEAN false' /run/ears
expect_match "$(cat /run/ears)" "STRING \"$card\".*STRING \"guest\"" "what is signalled"
journalctl -b -q -o cat -u gpuswitchd | grep 'has not let go' && fail "it was not waited for"
systemctl stop desk ears
expect_eq "$(driver_of "$card")" vfio-pci "driver while the guest runs"

echo "-- home is not blocked, and a delay ends in any case"
inhibit blocker --why 'no more switches' -- sleep infinity
inhibit sleeper --mode delay --why 'it never lets go' -- sleep infinity
vm_destroy guest
wait_until 60 at_home 1
expect_match "$(journalctl -b -q -o cat -u gpuswitchd)" "'sleeper' \(pid [0-9]+, user 0\) has not let go in time" "the journal"
settings_compare "$before" "$card"
systemctl stop blocker
release sleeper
cycles 1 guest 1 "$before"
