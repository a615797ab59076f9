#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# temper: strict
# gpuswitch: off

# The module by itself: what its files take and refuse, whom it guards under plain libvirt, and devices that leave the bus and come back.
. ./lib.sh

card=$(card_bdf 1)
audio=${card%.0}.1

writes() { # FILE TEXT; prints why not
    LC_ALL=C bash -c 'printf "%b" "$2" > "$1"' - "$GUARD/$1" "$2" 2>&1
}
model_lost() {
    [ "$(model_get state)" = failed ]
}
takes() { # FILE TEXT
    local error
    error=$(writes "$@") || fail "$1 refuses \"$2\": $error"
}
refuses() { # FILE TEXT ERROR
    local error
    error=$(writes "$1" "$2") && fail "$1 takes \"$2\""
    expect_match "$error" "$3" "why $1 refuses \"$2\""
}

guard_load
expect_guarded
for text in nonsense 01:00.0 0000:01:00 "$card x" 0000:01:20.0 0000:01:00.8 0000:100:00.0 100000000:01:00.0 0000:100000001:00.0 "\\n"; do
    refuses guard "$text" "Invalid argument"
    refuses release "$text" "Invalid argument"
done
refuses guard "${card%.0}.5" "No such device"
refuses guard 0000:ff:00.0 "No such device"
takes release "$card"
expect_guarded
[ ! -e "$GUARD/bind" ] || fail "the module offers to bind devices"

# In the order in which they are named, each once, by any of its functions, with newline or without.
takes guard "$(card_bdf 2)\\n"
takes guard "$audio"
takes guard "$card\\n"
expect_guarded "$(card_bdf 2)" "$card"
takes release "$(card_bdf 2)"
expect_guarded "$card"

# It never takes a device, however it is asked.
echo "$audio" > "/sys/bus/pci/drivers/$(driver_of "$audio")/unbind"
echo gpuswitch-guard > "/sys/bus/pci/devices/$audio/driver_override"
echo "$audio" > /sys/bus/pci/drivers_probe
expect_eq "$(driver_of "$audio")" "" "driver by an override that names the module"
echo > "/sys/bus/pci/devices/$audio/driver_override"
refuses new_id "1002 aaf0" "Invalid argument"
expect_eq "$(driver_of "$audio")" "" "driver by new_id"
echo "$audio" > /sys/bus/pci/drivers_probe
expect_eq "$(driver_of "$audio")" snd_hda_intel "driver of $audio"

# Plain libvirt, both functions: no bus reset while the card is guarded, and the module stays.
vm_define both "$card" "$audio"
for i in 1 2 3; do
    vm_start both || fail "start $i under the guard"
    ! guard_unload 2> /dev/null || fail "the module can be unloaded under a guest"
    vm_destroy both || fail "stop $i under the guard"
done
expect_model bus_resets 0
expect_model state prefail

# A function that leaves the bus is forgotten, one that comes back is not guarded until it is named again.
echo 1 > "/sys/bus/pci/devices/$audio/remove"
expect_guarded "$card"
echo 1 > "/sys/bus/pci/devices/$card/remove"
expect_guarded
echo 1 > /sys/bus/pci/rescan
udevadm settle
[ -d "/sys/bus/pci/devices/$card" ] && [ -d "/sys/bus/pci/devices/$audio" ] || fail "the card does not come back"
expect_guarded
takes guard "$audio"
echo 1 > "/sys/bus/pci/devices/$card/remove"
expect_guarded "$audio"
echo 1 > /sys/bus/pci/rescan
udevadm settle
expect_guarded "$audio"
takes guard "$card"
expect_guarded "$card"

# By force, under a guest: what it has set is taken back, and the next start does what it did to the card before there was a module.
vm_start both || fail "start before the module goes"
guard_unload --force || fail "the module cannot even be unloaded by force"
[ ! -e "$GUARD" ] || fail "the module has left its files"
vm_destroy both
wait_until 20 model_lost
echo "unloaded: the card is lost at the next bus reset, as without the module"
