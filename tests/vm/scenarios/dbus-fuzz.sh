#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: lenient
# timeout: 1200

# Calls of every method and property that the running daemon shows on the real system bus, found by introspection, with
# arguments of the right and of wrong signatures, as root and as nobody. (What dfuzzer does; no Debian has it.) Each is
# answered, the daemon stays the same process with the same connection, and at the end it still switches a card.
. ./lib.sh
. ./gpuswitch.sh

SERVICE=org.gpuswitch1
CALLS=${CALLS:-300}
RANDOM=20261121 # the same sequence on every run

long=$(printf 'x%.0s' {1..9000})
umlauts="x$(printf 'ä%.0s' {1..150})"
card=$(card_bdf 1)
texts=("" "guest" "host" "$card" "$(card_bdf 2)" "0000:99:00.0" "11111111-2222-3333-4444-555555555555" "win11" "started" "stopped"
    "device-removed" "größer" "$umlauts" "$long" "org.gpuswitch1.GPU" "org.gpuswitch1.Manager" "Domain" "Reason"
    "../../etc/passwd" "%s%n%s" "line
break")
numbers=(0 1 4294967295 9223372036854775807 18446744073709551615)
signatures=("" s as u "a{sv}" ss "ta(ssas)" v "aas")

text() { args+=("${texts[RANDOM % ${#texts[@]}]}"); }

# Arguments for one complete type; busctl takes counts before the entries of lists.
value() { # TYPE
    local n i
    case $1 in
    s) text ;;
    t) args+=("${numbers[RANDOM % 5]}") ;;
    u) args+=("${numbers[RANDOM % 3]}") ;;
    v) args+=(s) && text ;;
    as | "a{sv}" | "a(ssas)" | aas)
        n=$((RANDOM % 4))
        [ $((RANDOM % 20)) -ne 0 ] || n=70
        args+=("$n")
        for ((i = 0; i < n; i++)); do
            case $1 in
            as) text ;;
            "a{sv}") text && value v ;;
            "a(ssas)") text && text && value as ;;
            aas) value as ;;
            esac
        done
        ;;
    esac
}

values() { # SIGNATURE
    local rest=$1 type
    args=()
    while [ -n "$rest" ]; do
        for type in "a(ssas)" "a{sv}" aas as s t u v; do
            [[ $rest != "$type"* ]] || break
        done
        [[ $rest = "$type"* ]] || fail "the scenario has no values for signature '$1'"
        value "$type"
        rest=${rest#"$type"}
    done
}

same_daemon() {
    expect_eq "$(systemctl show -P MainPID gpuswitchd)" "$pid" "the daemon's process after $*"
    expect_eq "$(busctl --system call org.freedesktop.DBus / org.freedesktop.DBus GetNameOwner s $SERVICE)" "$owner" "its connection after $*"
}

methods=() # PATH INTERFACE MEMBER SIGNATURE
for path in $(busctl --system tree --list $SERVICE | grep ^/org/gpuswitch1); do
    interface=
    while read -r name kind signature _; do
        [ "$kind" != interface ] || interface=$name
        [ "$signature" != - ] || signature=
        [ "$kind" != method ] || methods+=("$path $interface ${name#.} $signature")
        [ "$kind" != property ] || methods+=("$path org.freedesktop.DBus.Properties Get ss $interface ${name#.}")
    done < <(busctl --system introspect --no-legend $SERVICE "$path")
done
[ ${#methods[@]} -ge 30 ] || fail "only ${#methods[@]} methods and properties are shown"

pid=$(systemctl show -P MainPID gpuswitchd)
owner=$(busctl --system call org.freedesktop.DBus / org.freedesktop.DBus GetNameOwner s $SERVICE)
answered=0
for ((i = 0; i < CALLS; i++)); do
    if [ "$i" -lt ${#methods[@]} ]; then # each once, then any
        read -r path interface member signature first second <<<"${methods[i]}"
    else
        read -r path interface member signature first second <<<"${methods[RANDOM % ${#methods[@]}]}"
    fi
    [ $((RANDOM % 6)) -ne 0 ] || { signature=${signatures[RANDOM % ${#signatures[@]}]} && first=; }
    if [ -n "$first" ]; then args=("$first" "$second"); else values "$signature"; fi
    as=()
    [ $((RANDOM % 4)) -ne 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    said=$("${as[@]}" busctl --system --timeout=300 call $SERVICE "$path" "$interface" "$member" "$signature" "${args[@]}" 2>&1)
    case $said in
    *"timed out"* | *isconnected* | *NoReply* | *"Connection reset"* | *"not activatable"*)
        fail "call $i, $member($signature) of $path, has no answer: ${said:0:300}" ;;
    esac
    answered=$((answered + 1))
    [ $((i % 25)) -ne 0 ] || same_daemon "call $i, $member($signature) of $path"
done
same_daemon "all calls"
echo "$answered calls of ${#methods[@]} methods and properties, all answered"

journalctl -b -q -o cat -u gpuswitchd | grep -iE "assert|sanitizer|Processing of bus failed|core dumped" && fail "the journal has a fault"
expect_eq "$(systemctl show -P NRestarts gpuswitchd)" 0 "restarts"

# Names and reasons that came in are shown again without harm, and a card still goes there and back.
busctl --system call $SERVICE /org/gpuswitch1 org.freedesktop.DBus.ObjectManager GetManagedObjects >/dev/null || fail "the objects cannot be read"
busctl --system call $SERVICE /org/gpuswitch1 org.gpuswitch1.Manager ReleaseDomain ss 11111111-2222-3333-4444-555555555555 shutdown
gpuswitchctl to-host "$card" >/dev/null 2>&1 # if a call had given it to the guests
wait_until 60 has_driver "$card" amdgpu
