#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 240
# console: gpuswitchd: GPU [0-9a-f:.]+ is stuck in common_remove: the kernel cannot power off or reboot

# What is said of a driver that hangs, by status, explain and the journal; that a restart says the same; that stopping does not wait; that
# the console says it; and that the way out which is named for a machine without a power button is one.
#
# Not on bookworm: on kernel 6.1 reading a device's uevent file takes the device lock (uevent_show()), so that journald hangs as soon as the kernel
# says a word about the device whose remove() hangs. It writes nothing more then, and systemd's shutdown waits twice 90 s for it.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
if [ "$LAB_BOOT" -eq 2 ]; then
    wait_until 60 at_home 1
    expect_status 1 .stuck false
    gpuswitchctl explain "$card" || fail "explain after the reboot"
    exit 0
fi

gpuswitchctl explain "$card" || fail "explain of a card at home"
gpuswitchctl explain --json "$card" | jq -e '.gpus[0] | .possible and .host.there and .guest.steps > 10' || fail "explain --json of a card at home"

model_set hang_remove -1
earliest=$(date +%s%6N)
gpuswitchctl to-guest "$card" 2> /run/refusal && fail "to-guest of a card whose driver hangs"
latest=$(date +%s%6N)
cat /run/refusal
write="write $card to /sys/bus/pci/drivers/amdgpu/unbind"
pid=$(status 1 .stuck_detail.pid)
expect_eq "$(< "/proc/$pid/comm")" gpuswitch-helpe "the process of that pid"

# status
words=$(status 1 '.stuck_reason, .stuck_detail')
echo "$words"
expect_status 1 .stuck true
expect_status 1 .stuck_detail.action "$write"
expect_status 1 .stuck_detail.function "$card"
expect_status 1 .stuck_detail.kernel_function common_remove
expect_match "$(status 1 .stuck_detail.kernel_stack)" "^common_remove < pci_device_remove" "kernel stack"
since=$(status 1 .stuck_detail.since_usec)
[ "$earliest" -le "$since" ] && [ "$since" -le "$latest" ] || fail "since $since is not between $earliest and $latest"
text=$(gpuswitchctl status "$card")
echo "$text"
for part in "Stuck: unbind $card from amdgpu" "What hangs: $write" "Since: 20..-..-.. " " ago\)" "In kernel: common_remove" "helper pid $pid" \
    "What helps: amdgpu waits for" "cannot power off or reboot by itself" "hold the power button"; do
    expect_match "$text" "$part" "what status says"
done

# explain, refusal, journal
text=$(gpuswitchctl explain "$card") && fail "explain says that a stuck card can switch"
echo "$text"
expect_match "$text" "To guest: no, while it is stuck.*To host: no, while it is stuck.*What helps: " "what explain says"
expect_match "$(< /run/refusal)" "stuck: $write has not come back \(since 20.*, in common_remove, helper pid $pid\)" "the refusal"
text=$(journalctl -b -q -o cat MESSAGE_ID=b22698b35bd34de69e46c9e6f6d799f8)
expect_match "$text" "$write has not come back \(since 20.*, in common_remove, helper pid $pid\)" "what the journal says"
expect_match "$text" "hold the power button" "what the journal says"
journal_has MESSAGE_ID=b22698b35bd34de69e46c9e6f6d799f8 "GPUSWITCH_GPU=$card" PRIORITY=2 || fail "the journal's fields"
expect_match "$(systemctl show -p StatusText gpuswitchd)" "Stuck: $card" "what systemctl status says"

# Stopping waits for nobody, by systemd's own clock.
systemctl stop gpuswitchd || fail "stop"
stamp() { # PROPERTY; in us
    systemctl show --value -p "$1" gpuswitchd
}
took=$(($(stamp InactiveEnterTimestampMonotonic) - $(stamp ActiveExitTimestampMonotonic)))
echo "stopping took $took us"
[ "$took" -lt 5000000 ] || fail "stopping took $took us"
expect_eq "$(stamp Result)" success "how the service ended"
[ -d "/proc/$pid" ] || fail "the helper is gone"
expect_match "$(dmesg)" "gpuswitchd: GPU $card is stuck in common_remove" "the kernel's log"

# The same words, and at once: nobody acts on it meanwhile, its time was over before.
systemctl start gpuswitchd || fail "start"
expect_status 1 .stuck true
expect_eq "$(status 1 '.stuck_reason, .stuck_detail')" "$words" "the words after the restart"
gpuswitchctl to-host "$card" && fail "to-host of a stuck card"
gpuswitchctl explain "$(card_bdf 2)" || fail "the other card does notice"

# Every other way to reboot would take the lock of the device.
sync
echo "LAB-REBOOT"
echo b > /proc/sysrq-trigger
sleep infinity
