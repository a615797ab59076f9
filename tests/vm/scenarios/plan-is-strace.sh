#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# temper: strict

# What `plan` prints is what the helper then writes: no more, no less, in that order.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
traced() { # DIRECTION; the writes to /sys of every helper during the switch, as "PATH[@OFFSET] VALUE"
    strace -f -qq -y -s 64 -e trace=write,pwrite64 -o /run/trace -p "$(systemctl show -P MainPID gpuswitchd)" &
    local tracer=$!
    wait_until 10 grep -q "TracerPid:.*[1-9]" "/proc/$(systemctl show -P MainPID gpuswitchd)/status"
    gpuswitchctl "to-$1" "$card" > /dev/null 2>&1 || fail "to-$1"
    kill $tracer
    wait $tracer
    # A call may stand there as <unfinished ...>: what it writes is on that line all the same.
    sed -nE 's/^[0-9]+ +p?write(64)?\([0-9]+<(\/sys[^>]*)>, "([^"]*)", [0-9]+(, (0x[0-9a-f]+|[0-9]+))?.*/\2 \5 \3/p' /run/trace
}

# Both sides in one form: the file's canonical path, then the offset (configuration space) or the value.
canonical() {
    local path rest
    while read -r path rest; do
        echo "$(readlink -f "$path") $rest"
    done
}

planned() { # DIRECTION
    gpuswitchctl plan --json "$card" "$1" | jq -r '
        (if type == "object" then (.steps // .plan) else . end)[] | select(.writes) |
        if .action == "restore-config" then .path as $p | .registers[] | "\($p) @\(split("/")[0])"
        elif .action == "write-config" then "\(.path) @\(.offset)"
        else "\(.path) \(if .value == "" then "\\n" else .value end)" end' |
        while read -r path value; do
            case $value in @*) value="@$((${value#@}))" ;; esac
            echo "$path $value"
        done | canonical
}

actual() { # DIRECTION
    traced "$1" | while read -r path a b; do
        case $path in
        */config) echo "$path @$((a))" ;;
        *) echo "$path ${a}${b:+ $b}" ;;
        esac
    done | canonical
}

for direction in guest host guest host; do
    planned $direction > /run/planned
    [ -s /run/planned ] || fail "an empty plan"
    actual $direction > /run/actual
    diff -u /run/planned /run/actual || fail "the way to the $direction wrote something else than its plan"
    echo "$direction: $(wc -l < /run/planned) writes, as planned"
done
expect_unharmed 1
