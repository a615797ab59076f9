#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# temper: strict
# timeout: 400

# The running services are as closed as their units promise, a helper that hangs in a driver does so without any power, and
# what has to stay open is open, also when vfio is loaded anew and gets another device number.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
unit_cgroup=/sys/fs/cgroup/system.slice/gpuswitchd.service

at_most() { # UNIT EXPOSURE
    local measured
    measured=$(systemd-analyze security --no-pager "$1" | sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p')
    echo "$1: $measured"
    [ -n "$measured" ] && awk "BEGIN { exit !($measured <= $2) }" || fail "$1: exposure \"$measured\", at most $2 wanted"
}
at_most gpuswitchd.service 2.6
at_most gpuswitch-virtwatch.service 1.5

of_process() { # PID KEY
    sed -n "s/^$2:\t//p" "/proc/$1/status"
}

# Bits of include/uapi/linux/capability.h
SYS_ADMIN=$((1 << 21)) SYS_PTRACE=$((1 << 19)) DAC_OVERRIDE=$((1 << 1)) DAC_READ_SEARCH=$((1 << 2)) SYSLOG=$((1 << 34))
helpers=$((SYS_ADMIN | SYS_PTRACE | DAC_OVERRIDE | DAC_READ_SEARCH))

expect_sandbox() { # PID EFFECTIVE PERMITTED
    expect_eq $((16#$(of_process "$1" CapEff))) "$2" "capabilities in force in process $1"
    expect_eq $((16#$(of_process "$1" CapPrm))) "$3" "capabilities left to process $1"
    expect_eq $((16#$(of_process "$1" CapInh))) 0 "inherited capabilities of process $1"
    expect_eq "$(of_process "$1" NoNewPrivs)" 1 "NoNewPrivs of process $1"
    expect_eq "$(of_process "$1" Seccomp)" 2 "Seccomp of process $1"
}
expect_sandbox "$(systemctl show -P MainPID gpuswitchd)" $((helpers | SYSLOG)) $((helpers | SYSLOG))
expect_sandbox "$(systemctl show -P MainPID gpuswitch-virtwatch)" 0 0

# In the driver's remove()
in_driver() { # PID
    grep -q cardmodel "/proc/$1/stack"
}
model_set hang_remove -1
gpuswitchctl to-guest "$card" > /run/to-guest.log 2>&1 &
switch=$!
wait_until 30 grep -q "^Unbinding\|unbind $card from amdgpu" /run/to-guest.log
helper=$(cut -d " " -f 1 "/run/gpuswitch/$card.lock")
wait_until 30 in_driver "$helper"
expect_sandbox "$helper" 0 "$helpers"
model_set hang_remove 0
wait $switch || fail "to-guest: $(tail -n 3 /run/to-guest.log)"

# What a process of the service may open
opens() { # FILE
    (
        echo $BASHPID > "$unit_cgroup/cgroup.procs"
        exec 3<> "$1"
    ) 2> /dev/null
}
group=/dev/vfio/$(group_of "$card")
opens "$group" || fail "$group is closed to the service"
opens /dev/null || fail "/dev/null is closed to the service"
for node in /dev/vda /dev/dri/card* /dev/snd/timer /dev/mem /dev/vfio/vfio /dev/tty1; do
    [ -e "$node" ] || continue
    ! opens "$node" || fail "$node is open to the service"
done
gpuswitchctl to-host "$card" > /dev/null || fail "to-host"
settings_compare "$before" "$card"

# vfio goes, another module takes its number, vfio comes back.
vfio_number() {
    sed -n 's/^ *\([0-9]*\) vfio$/\1/p' /proc/devices
}
old=$(vfio_number)
[ -n "$old" ] || fail "vfio has no number"
modprobe -r vfio_pci || fail "vfio_pci stays"
modprobe -qr vfio_iommu_type1
modprobe -qr vfio
[ -z "$(vfio_number)" ] || fail "vfio stays"
for module in hidraw nvme_core hid usbmon cuse media lirc rc_core cec dvb_core fw_core; do
    modprobe -q $module
    ! grep -q "^ *$old " /proc/devices || break
done
modprobe vfio-pci || fail "vfio-pci does not come back"
echo "vfio was $old, is $(vfio_number)"
[ "$(vfio_number)" != "$old" ] || fail "vfio got its old number: nothing was shown"
gpuswitchctl to-guest "$card" > /dev/null || fail "to-guest with the new vfio"
wait_until 20 opens "/dev/vfio/$(group_of "$card")"
gpuswitchctl to-host "$card" > /dev/null || fail "to-host with the new vfio"
settings_compare "$before" "$card"

vm_define guest "$card"
cycles 2 guest 1 "$before"
