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
measure_shutdown() { # THEN...; commands that are run behind that
    cat > "$last" << SCRIPT
#!/bin/bash
read -r now rest < /proc/uptime
mount -o remount,rw / && echo "\$now $(cut -d ' ' -f 1 /proc/uptime)" >> $times && sync && mount -o remount,ro /
$*
SCRIPT
    chmod 755 "$last"
    echo 7 > /proc/sys/kernel/printk
}

case $LAB_BOOT in
1) # Both that are compared have booted the same way.
    # shellcheck disable=SC2086
    systemctl -q mask --now $UNITS
    rm "$HOOK"
    reboot_machine
    ;;
2)
    systemctl -q is-active gpuswitchd && fail "gpuswitch runs"
    measure_shutdown
    reboot_machine
    ;;
3)
    expect_eq "$(wc -l < "$times")" 1 "shutdowns that were measured"
    # shellcheck disable=SC2086
    systemctl -q unmask $UNITS
    # shellcheck disable=SC2086
    systemctl -q enable --now $UNITS || fail "gpuswitch does not start"
    card=$(card_bdf 1)
    model_set hang_remove -1
    gpuswitchctl to-guest "$card" && fail "to-guest of a card whose driver hangs"
    expect_status 1 .stuck true
    # Twice as long is far more than any difference that was seen, and far less than one wait for a process.
    measure_shutdown "
awk '{ took[NR] = \$1 - \$2; printf \"shutdown %d took %.1f s\\n\", NR, took[NR] }
     END { exit !(NR == 2 && took[2] < 2 * took[1] + 2) }' $times > /run/verdict
code=\$?
{ cat /run/verdict; echo LAB-EXIT $(cat token) \$code; } > /dev/virtio-ports/lab.agent"
    systemctl poweroff
    sleep infinity
    ;;
esac
