#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 300
# console: gpuswitchd: GPU [0-9a-f:.]+ is stuck in common_remove.*hold the power button.*All filesystems unmounted.*systemd-shutdown\[1\]: Powering off

# A machine with a stuck card goes down. systemd comes to its end as soon as on the same machine without gpuswitch and without a stuck card;
# with every file system unmounted or read-only; that the kernel then cannot go on is said on the console. The last thing that systemd runs before "Powering off" takes the time, by the
# machine's own clock.
#
# Not on bookworm: on kernel 6.1 reading a device's uevent file takes the device lock (uevent_show()), so that journald hangs as soon as the kernel
# says a word about the device whose remove() hangs. It writes nothing more then, and systemd's shutdown waits twice 90 s for it.
. ./lib.sh
. ./gpuswitch.sh

# Goes down; at the end, what COMMAND prints with the seconds that it took in $took is what the host hears.
shut_down() { # COMMAND
    local last=/usr/lib/systemd/system-shutdown/lab
    mkdir -p "${last%/*}"
    cat > "$last" << SCRIPT
#!/bin/bash
read -r now rest < /proc/uptime
took=\$(awk "BEGIN { printf \"%.1f\", \$now - $(cut -d ' ' -f 1 /proc/uptime) }")
{ $1; } > /dev/virtio-ports/lab.agent
SCRIPT
    chmod 755 "$last"
    echo 7 > /proc/sys/kernel/printk
    systemctl poweroff
    sleep infinity
}

if [ "$LAB_MACHINE" -eq 1 ]; then
    gpuswitch_off
    shut_down "echo \"without gpuswitch it took \$took s\"; echo LAB-NEXT $(cat token)"
fi
without=$(sed -n 's/^without gpuswitch it took \(.*\) s$/\1/p' before)
[ -n "$without" ] || fail "the first machine has not told its time"
card=$(card_bdf 1)
model_set hang_remove -1
gpuswitchctl to-guest "$card" && fail "to-guest of a card whose driver hangs"
expect_status 1 .stuck true
# systemd-shutdown waits 90 s for a process that does not end, and then as long again: the rest is for a machine that is slow for a while.
shut_down "echo \"with a stuck card it took \$took s\"
    echo LAB-EXIT $(cat token) \$(awk \"BEGIN { print !(\$took < 3 * $without + 30) }\")"
