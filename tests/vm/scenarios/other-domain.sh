#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# A has the card between prepare and started; B, with the same card in its XML, is refused, and A runs. B's release takes nothing from A.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define a "$card"
vm_define b "$card"

# Holds A's start between prepare and QEMU: a second hook, in order behind ours, that waits for a file.
hold=/etc/libvirt/hooks/qemu.d/zz-hold
cat > $hold << 'X'
#!/bin/bash
[ "$1 $2" = "a start" ] || exit 0
touch /run/a-is-held
until [ -e /run/a-may-go ]; do read -rt 0.1 < /dev/zero 2> /dev/null || sleep 0.1; done
X
chmod +x $hold

vm_start a > /run/a.log 2>&1 &
a=$!
wait_until 60 test -e /run/a-is-held
expect_status 1 .domain.name a
expect_refused b "belongs to virtual machine 'a'"
expect_status 1 .domain.name a
expect_status 1 .owner guest
touch /run/a-may-go
wait $a || fail "A should run: $(cat /run/a.log)"
expect_eq "$(vm_state a)" running "A"
expect_refused b "belongs to virtual machine 'a'|in use by"
expect_eq "$(vm_state a)" running "A after B was refused again"
vm_destroy a
wait_until 60 at_home 1
settings_compare "$before" "$card"
rm $hold
cycles 1 b 1 "$before"
