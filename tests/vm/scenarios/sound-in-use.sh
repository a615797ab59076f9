#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# A process has the audio function's ALSA node open: its driver's remove() would wait for that without end. Refused, naming it.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest "$card"
node=$(find "/sys/bus/pci/devices/${card%.0}.1/sound/" -name 'controlC*' -printf '/dev/snd/%f\n' | head -n 1)
[ -c "$node" ] || fail "the audio function has no ALSA node"

systemd-run -q --unit=holder bash -c "exec 3<> $node; exec sleep infinity"
wait_until 10 fuser -s "$node"
expect_refused guest "sleep .*holder.service.*$node"
settings_compare "$before" "$card"
expect_status 1 .owner host
systemctl stop holder
cycles 1 guest 1 "$before"
