#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict
# timeout: 240

# A sound driver waits for whoever has a node of it open. Nobody is seen before the unbind, since the descriptor is on its way through a socket;
# then it arrives: the process is named, although the driver has removed the node by then, and its end frees the card.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
node=$(find "/sys/bus/pci/devices/${card%.0}.1/sound/" -name 'controlC*' -printf '/dev/snd/%f\n' | head -n 1)
[ -c "$node" ] || fail "the audio function has no ALSA node"

cat > /run/holder.py << 'PYTHON'
import array, os, socket, sys

here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
fd = os.open(sys.argv[1], os.O_RDWR)
here.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
os.close(fd)
open("/run/holder.sent", "w").close()
with open("/run/holder.receive") as fifo:
    fifo.read()
there.recvmsg(1, socket.CMSG_SPACE(4))
with open("/run/holder.end") as fifo:
    fifo.read()
PYTHON
mkfifo /run/holder.receive /run/holder.end
systemd-run -q --unit=holder python3 /run/holder.py "$node"
wait_until 60 test -e /run/holder.sent

gpuswitchctl to-guest "$card" && fail "to-guest while the sound driver hangs"
gpuswitchctl status "$card"
expect_status 1 .stuck true
expect_status 1 .stuck_detail.step "unbind ${card%.0}.1 from snd_hda_intel"
expect_match "$(status 1 '.stuck_detail.kernel_stack')" "snd_card_free" "where it hangs"
expect_match "$(status 1 '.stuck_detail.help[0]')" "no process is seen" "what helps, as long as nobody is seen"

echo > /run/holder.receive
wait_until 60 status_is 1 '.stuck_detail.holders | length' 1
expect_match "$(gpuswitchctl status "$card")" "Held by: python3 \(pid [0-9]+, holder.service\) has $node open" "who holds it"
expect_match "$(gpuswitchctl explain "$card")" "End whoever holds it: python3" "what helps"

echo > /run/holder.end
wait_until 60 status_is 1 .stuck false
expect_status 1 .stuck_detail null
expect_status 1 .stuck_reason ""
wait_until 60 at_home 1
settings_compare "$before" "$card"
vm_define guest "$card"
cycles 1 guest 1 "$before"
