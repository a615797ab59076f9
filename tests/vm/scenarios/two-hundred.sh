#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 900

# 200 switches by hand, every fourth with a fault of a seeded kind in it. After each, status explains the card: at rest, its owner what the
# drivers say, a reason where a switch failed; no bus reset, and over all of them neither memory nor open files of the daemon grow.
. ./lib.sh
. ./gpuswitch.sh

RANDOM=20261121 # bash's generator: the same order in every run

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
declare -A faults=([probe-fails]=0 [remove-is-slow]=0 [helper-killed]=0 [daemon-killed]=0 [node-held]=0)
failed=0

daemon() {
    systemctl show -P MainPID gpuswitchd
}

daemon_answers() { # for wait_until
    gpuswitchctl list > /dev/null 2>&1
}

at_rest() { # for wait_until
    status_is 1 '(.operation | tostring) + " " + (.owner == "switching" | tostring)' "null false"
}

sound_node() { # of the card's companion
    local control
    for control in "/sys/bus/pci/devices/${card%.0}.1/sound/"card*/controlC*; do
        echo "/dev/snd/${control##*/}"
        return
    done
}

# Kills the daemon where it is about to send its $2-th message.
kill_daemon_at() { # PID MESSAGE
    strace -qq -o /dev/null -p "$1" -e trace=sendto -e "inject=sendto:signal=KILL:when=$2" &
    wait_until 10 grep -q 'TracerPid:.*[1-9]' "/proc/$1/status"
}

# Kills the helper of the next switch, a child of the daemon, where it is about to write to the $2-th of these files for the first time.
kill_helper_at() { # DAEMON-PID FILE
    local dir=/sys/bus/pci files
    files=("$dir/devices/$card/driver_override" "$dir/devices/${card%.0}.1/driver_override" "$dir/drivers/snd_hda_intel/unbind"
        "$dir/drivers/amdgpu/unbind" "$dir/drivers/vfio-pci/bind" "$dir/drivers/vfio-pci/unbind" "$dir/drivers/amdgpu/bind")
    strace -qq -o /dev/null -f -p "$1" -P "${files[$2]}" -e trace=write,pwrite64 -e inject=write,pwrite64:signal=KILL:when=1 &
    wait_until 10 grep -q 'TracerPid:.*[1-9]' "/proc/$1/status"
}

# What status says has to be what the machine shows.
explained() {
    local owner driver state
    read -r owner state < <(status 1 '.owner + " " + .reset_state')
    driver=$(driver_of "$card")
    case $owner in
    host)
        expect_eq "$driver" amdgpu "driver of a card that is at home"
        expect_eq "$(driver_of "${card%.0}.1")" snd_hda_intel "driver of the companion of a card that is at home"
        ;;
    guest) expect_eq "$driver" vfio-pci "driver of a card that a guest may have" ;;
    none) expect_eq "$driver" "" "driver of a card that nobody has" ;;
    *) fail "owner is $owner, at rest" ;;
    esac
    [ "$state" != failed ] || fail "the card is lost"
    expect_status 1 .stuck false
    expect_model bus_resets 0
    expect_model binds_unrestored 0
}

memory_kb() { # private and dirty: what only this process costs
    awk '/^Private_Dirty:/ { print $2 }' "/proc/$1/smaps_rollup"
}

open_files() {
    ls "/proc/$1/fd" | wc -l
}

one_switch() { # SIDE FAULT
    local pid
    pid=$(daemon)
    case $2 in
    probe-fails) model_set fail_probe 1 ;;
    remove-is-slow) model_set hang_remove 1 ;;
    node-held) exec 9< "$(sound_node)" ;;
    daemon-killed) kill_daemon_at "$pid" $((3 + RANDOM % 16)) ;;
    helper-killed) kill_helper_at "$pid" $((RANDOM % 7)) ;;
    esac
    if ! gpuswitchctl "to-$1" "$card" > /run/switch.log 2>&1; then
        failed=$((failed + 1))
        [ "$2" != none ] || fail "to-$1 without a fault: $(< /run/switch.log)"
        [ -s /run/switch.log ] || fail "to-$1 with $2 failed without a word"
    fi
    [ "$2" != daemon-killed ] || wait_until 60 daemon_answers
    wait_until 60 at_rest
    # A tracer that has met nothing to kill is still there.
    case $2 in
    daemon-killed | helper-killed) pkill -x strace; wait ;;
    esac
    # Each helper that takes over is killed as well, until the daemon gives up and says so: the way out is to ask again.
    if [ "$2" = helper-killed ] && status_is 1 .owner host; then
        gpuswitchctl to-host "$card" > /run/switch.log 2>&1 || fail "to-host behind helpers that died: $(< /run/switch.log)"
    fi
    case $2 in
    probe-fails) model_set fail_probe 0 ;;
    remove-is-slow) model_set hang_remove 0 ;;
    node-held) exec 9<&- ;;
    esac
}

# N switches to and fro; every fourth has a fault of one of the kinds.
switches() { # N [KIND...]
    local i n=$1 fault side
    shift
    for ((i = 1; i <= n; i++)); do
        fault=none
        if ((i % 4 == 0 && $# > 0)); then
            local kinds=("$@")
            fault=${kinds[RANDOM % $#]}
            # Only the host's sound driver makes a node that can be held.
            [ "$fault" != node-held ] || has_driver "${card%.0}.1" snd_hda_intel || fault=probe-fails
            faults[$fault]=$((faults[$fault] + 1))
        fi
        side=guest
        [ "$(status 1 .owner)" = host ] || side=host
        one_switch $side "$fault"
        explained
        total=$((total + 1))
    done
}

total=0
switches 20
pid=$(daemon)
memory=$(memory_kb "$pid") n_files=$(open_files "$pid")
switches 110 probe-fails remove-is-slow node-held helper-killed
expect_eq "$(daemon)" "$pid" "the daemon that all of this happened to"
echo "private and dirty: $memory kB after 20 switches, $(memory_kb "$pid") kB after $total; open files: $n_files, $(open_files "$pid")"
expect_eq "$(open_files "$pid")" "$n_files" "open files of the daemon"
[ "$(memory_kb "$pid")" -le $((memory + memory / 10 + 64)) ] || fail "the daemon has grown"

switches 70 daemon-killed daemon-killed probe-fails node-held helper-killed
for fault in "${!faults[@]}"; do
    echo "$fault: ${faults[$fault]}"
done
echo "$total switches, $failed of them ended otherwise than asked, each explained"
[ "$(status 1 .owner)" = host ] || one_switch host none
settings_compare "$before" "$card"
expect_unharmed 1
