#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: armed
# timeout: 600

# The helper is killed before, and after, it has done a step: a way to the guest is put back, a way home and a way back go on
# with another helper, and somebody who kills them all gets a card that is explained and comes home on the next word.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
helper=/usr/libexec/gpuswitch-helper
plan=/run/gpuswitch/kill-plan
before=$(settings_snapshot "$card")

# Helpers are numbered from 1 after each kill_helpers. One that the plan names runs under strace, which sends SIGKILL where its
# syscall number N begins: recvfrom N + 1 comes before step N + 1 and behind the answer to step N, sendto N + 1 behind step N and before its answer (the
# first one says that it has the lock).
mv $helper $helper.real
cat > $helper << 'WRAPPER'
#!/bin/bash
cd /run/gpuswitch || exit 1
number=$(($(cat helper-count) + 1))
echo $number > helper-count
mapfile -t lines < kill-plan
for line in "${lines[@]}"; do
    read -r which syscall when <<< "$line"
    [ "$which" = $number ] &&
        exec strace -D -qq -o /dev/null -e trace="$syscall" -e inject="$syscall:signal=KILL:when=$when" \
            /usr/libexec/gpuswitch-helper.real "$@"
done
exec /usr/libexec/gpuswitch-helper.real "$@"
WRAPPER
chmod 755 $helper

kill_helpers() { # LINE...
    printf '%s\n' "$@" > $plan
    echo 0 > /run/gpuswitch/helper-count
    since=$(journalctl -q -n 1 -o json | jq -r .__CURSOR)
}

kill_helpers ""
mkdir -p /run/systemd/system/gpuswitchd.service.d
printf '[Service]\nSystemCallFilter=\n' > /run/systemd/system/gpuswitchd.service.d/strace.conf
systemctl daemon-reload
systemctl restart gpuswitchd || fail "gpuswitchd does not start"
wait_until 30 at_home 1

deaths() { # how many the daemon has told since kill_helpers
    journalctl -b -q -o cat --after-cursor="$since" -u gpuswitchd | grep -c 'the helper died'
}

as_before() { # WHAT DEATHS
    wait_until 60 at_home 1
    settings_compare "$before" "$card"
    expect_model binds_unrestored 0
    expect_eq "$(deaths)" "$2" "helpers that died: $1"
    echo "as before: $1"
}

# To the guest: the first helper looks at the card, the second one switches, the third one puts back.
for at in "recvfrom 1" "recvfrom 4" "sendto 5" "sendto 10" "recvfrom 13" "sendto 17"; do
    kill_helpers "2 $at"
    gpuswitchctl to-guest "$card" > /run/switch.log 2>&1 && fail "to-guest should have failed at $at"
    expect_match "$(cat /run/switch.log)" "signal 9" "why it failed"
    as_before "to the guest, $at" 1
done
kill_helpers "2 sendto 14" "3 recvfrom 3" "4 sendto 3"
gpuswitchctl to-guest "$card" > /run/switch.log 2>&1 && fail "to-guest should have failed"
as_before "to the guest, and twice on the way back" 3
kill_helpers "1 sendto 2"
gpuswitchctl to-guest "$card" || fail "to-guest with another helper that looks"
expect_eq "$(deaths)" 1 "helpers that died while they looked"

# Home: from where it was.
for at in "1 sendto 2" "2 recvfrom 1" "2 sendto 4" "2 recvfrom 6" "2 sendto 8" "2 sendto 11"; do
    kill_helpers "$at"
    gpuswitchctl to-host "$card" || fail "to-host, $at"
    as_before "home, $at" 1
    kill_helpers ""
    gpuswitchctl to-guest "$card" || fail "to-guest"
done
kill_helpers ""
gpuswitchctl to-host "$card" || fail "to-host"

# Somebody means it.
kill_helpers "2 sendto 9" "3 recvfrom 2" "4 recvfrom 1" "5 recvfrom 1"
gpuswitchctl to-guest "$card" > /run/switch.log 2>&1 && fail "to-guest should have failed"
journalctl -b -q -o cat --after-cursor="$since" -u gpuswitchd | grep 'not everything could be put back' ||
    fail "a card that is half switched has to be told"
kill_helpers ""
gpuswitchctl to-host "$card" || fail "to-host of a card that is half switched"
as_before "half switched, then sent home" 0

vm_define guest "$card"
kill_helpers "2 sendto 6"
expect_refused guest "signal 9"
as_before "a virtual machine that wanted it" 1
kill_helpers ""
cycles 1 guest 1 "$before"
expect_model bus_resets 0
