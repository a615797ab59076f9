#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 400

# The host goes down while a guest runs: the release is recorded, nothing is bound, shutdown does not wait; the next boot is whole.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
if [ "$LAB_BOOT" -eq 1 ]; then
    # The guest has no operating system that could shut down: libvirt need not wait the usual five minutes for it.
    echo SHUTDOWN_TIMEOUT=5 >> /etc/default/libvirt-guests
    # What the daemon says while the machine goes down has to be there after it.
    printf '[Journal]\nStorage=persistent\n' > /etc/systemd/journald.conf.d/zz-persistent.conf
    systemctl restart systemd-journald && journalctl --flush
    systemctl restart gpuswitchd
    vm_define guest "$card"
    vm_start guest || fail "start"
    reboot_machine
fi
log=$(journalctl -b -1 -q -o cat --no-pager -u gpuswitchd)
echo "$log" | tail -n 8
expect_match "$log" "owner is guest" "what the daemon said in the last boot"
# libvirt may be stopped before the guest is: then no release comes at all. One that comes is recorded and nothing else.
! grep -q "has let it go" <<< "$log" || expect_match "$log" "going down" "what the daemon said of the release"
grep -q "bind $card to amdgpu" <<< "$log" && fail "the card was bound while the system was stopping"
wait_until 60 at_home 1
before=$(settings_snapshot "$card")
cycles 1 guest 1 "$before"
