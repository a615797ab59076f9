#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# temper: strict
# timeout: 500
# console: gpuswitchd: GPU [0-9a-f:.]+ is stuck in common_remove.*hold the power button.*systemd-shutdown\[1\]: Powering off

# A machine with a stuck card goes down. systemd comes to its end as soon as it does without gpuswitch; that the kernel then cannot go on
# is said on the console. The last thing that systemd runs before "Powering off" takes the time, by the machine's own clock.
. ./lib.sh
. ./gpuswitch.sh

times=/var/lib/shutdown-times
last=/usr/lib/systemd/system-shutdown/lab

# Seconds from now to the end go to $times; the file system is read-only there, so it is opened once more.
measure_shutdown() { # COMMANDS; what is run behind that
    mkdir -p "${last%/*}"
    cat > "$last" << SCRIPT
#!/bin/bash
read -r now rest < /proc/uptime
mount -o remount,rw / && echo "\$now $(cut -d ' ' -f 1 /proc/uptime)" >> $times && sync && mount -o remount,ro /
$1
SCRIPT
    chmod 755 "$last"
    echo 7 > /proc/sys/kernel/printk
}

if [ "$LAB_BOOT" -eq 1 ]; then
    # shellcheck disable=SC2086  # a list
    systemctl -q mask --now $UNITS
    rm "$HOOK"
    measure_shutdown ""
    reboot_machine
fi
expect_eq "$(wc -l < "$times")" 1 "shutdowns that were measured"
# shellcheck disable=SC2086
systemctl -q unmask $UNITS
# shellcheck disable=SC2086
systemctl -q enable --now $UNITS || fail "gpuswitch does not start"
card=$(card_bdf 1)
model_set hang_remove -1
gpuswitchctl to-guest "$card" && fail "to-guest of a card whose driver hangs"
expect_status 1 .stuck true
# systemd-shutdown waits 90 s for a process that does not end, and then as long again: the rest is for a machine that is slow for a while.
measure_shutdown "
awk '{ took[NR] = \$1 - \$2; printf \"shutdown %d took %.1f s\\n\", NR, took[NR] }
     END { exit !(NR == 2 && took[2] < 3 * took[1] + 30) }' $times > /run/verdict
code=\$?
{ cat /run/verdict; echo LAB-EXIT $(cat token) \$code; } > /dev/virtio-ports/lab.agent"
systemctl poweroff
sleep infinity
