#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 600

# Those around the daemon die: virtwatch while a guest stops, the hook and libvirtd in the middle of a start. Everybody comes back
# without help, no claim stays for a guest that does not run, and the card comes home.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest "$card"

# virtwatch is killed while a guest runs, and the guest ends without anybody having told.
vm_start guest || fail "start"
pid=$(main_pid gpuswitch-virtwatch)
systemctl kill -s STOP gpuswitch-virtwatch
mv "$HOOK" /run/hook.away
vm_destroy guest || fail "destroy"
mv /run/hook.away "$HOOK"
expect_status 1 .domain.name guest
systemctl kill -s KILL gpuswitch-virtwatch
wait_until 30 another_pid gpuswitch-virtwatch "$pid"
home_again "virtwatch was killed while a guest ended"

# The hook is killed: libvirt refuses the start, and gives the card back.
begin_start
pkill -KILL -f 'gpuswitchctl libvirt-hook guest prepare' || fail "no hook to kill"
wait $starting && fail "the start should have been refused"
model_set hang_remove 0
home_again "the hook was killed"

# libvirtd is killed: it knows nothing of the start when it is back, and nobody gives the card back but virtwatch.
begin_start
pid=$(main_pid libvirtd)
systemctl kill --kill-whom=main -s KILL libvirtd
wait $starting && fail "the start should have failed"
wait_until 60 another_pid libvirtd "$pid"
wait_until 60 virsh -q list
model_set hang_remove 0
home_again "libvirtd was killed in the middle of the hook"
expect_eq "$(vm_state guest)" "shut off" "the guest"

# The same, and libvirtd is back only after the card has got to the guest.
begin_start
pid=$(main_pid libvirtd)
systemctl kill --kill-whom=main -s STOP libvirtd
model_set hang_remove 0
wait_until 60 status_is 1 '.owner + " " + (.operation | tostring)' "guest null"
systemctl kill --kill-whom=main -s KILL libvirtd
wait $starting && fail "the start should have failed"
wait_until 60 another_pid libvirtd "$pid"
home_again "libvirtd was killed at the end of the hook"

cycles 1 guest 1 "$before"
expect_model bus_resets 0
