#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# temper: strict
# timeout: 600

# A family that bears two reboots of its guest, and a guest that reboots whenever a key is pressed. Two go through, and a shutdown and a
# start restore them; the one too many becomes a stop. So it is with QEMU 7.2 and libvirt 9.0 as with QEMU 10.0 and libvirt 11.3: set-action
# reaches a QEMU that runs.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
disk=/var/lib/libvirt/images/reboots.img
booted=/run/booted

mkdir -p /etc/gpuswitch/quirks.d
cat > /etc/gpuswitch/quirks.d/90-bumpy.json << X
{ "version": 1, "families": [ {
    "family": "bumpy", "match": [{ "id": "1002:67df" }],
    "bus_reset": { "value": "forbidden", "source": "the card model" },
    "state": { "dirty_guest_end": { "value": "unknown", "source": "this scenario" } },
    "guest_reboots": { "value": 2, "source": "the owner of a FirePro W7100" }
} ] }
X
systemctl -q reload gpuswitchd.service
wait_until 30 status_is 1 .family bumpy

# A boot sector: "B" to the serial port, wait for a key, reset by the keyboard controller.
{
    printf '\xfa\x31\xc0\x8e\xd8\x8e\xd0\xbc\x00\x7c\xfb' # cli; ds = ss = 0, sp = 0x7c00; sti
    printf '\xba\xf8\x03\xb0B\xee'                        # mov dx, 0x3f8; mov al, 'B'; out dx, al
    printf '\x31\xc0\xcd\x16'                             # xor ax, ax; int 0x16
    printf '\xb0\xfe\xe6\x64\xf4\xeb\xfd'                 # mov al, 0xfe; out 0x64, al; hlt; jmp to it
} > $disk
truncate -s 510 $disk
printf '\x55\xaa' >> $disk
truncate -s 1M $disk
vm_define guest "$card" xml="<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$disk'/><target dev='hda' bus='ide'/></disk>" \
    xml="<serial type='file'><source path='$booted'/></serial>"

has_booted() { # TIMES, since QEMU began; for wait_until
    [ "$(cat $booted)" = "$(printf 'B%.0s' $(seq "$1"))" ]
}

reboot_guest() {
    virsh -q send-key guest KEY_ENTER || fail "send-key"
}

uptime_seconds() {
    cut -d. -f1 /proc/uptime
}

is_past() { # SECONDS of uptime; for wait_until
    [ "$(uptime_seconds)" -gt "$1" ]
}

# reboot_to BOOTS LEFT; returns when a reset would be a reboot of its own: SeaBIOS's own resets come at once, see core/budget.h
reboot_to() {
    local boots
    boots=$(model_get guest_boots)
    reboot_guest
    wait_until 60 has_booted "$1"
    wait_until 30 status_is 1 .reboots_left "$2"
    [ "$(model_get guest_boots)" -gt "$boots" ] || fail "the card has not noticed the reboot"
    wait_until 30 is_past $(($(uptime_seconds) + 5))
}

begin_guest() {
    vm_start guest || fail "start"
    wait_until 60 has_booted 1
    wait_until 30 status_is 1 .reboots_left 2
}

# --- two reboots, then a run that ends; all are there again
begin_guest
reboot_to 2 1
journal_has MESSAGE_ID=de631591e1d7413489f6aa084e814458 GPUSWITCH_GPU="$card" GPUSWITCH_DOMAIN=guest || fail "no warning of the last one"
expect_status 1 .reset_state touched
vm_destroy guest
wait_until 60 at_home 1
wait_until 30 status_is 1 .reboots_left 2
# libvirt 11.3 says it to the hook; of 9.0 virtwatch hears it.
wait_until 30 status_is 1 .reset_state unknown
expect_match "$(status 1 .reason)" "virtual machine 'guest' did not end by itself: destroyed" "why the state is unknown"

# --- and the one too many
begin_guest
reboot_to 2 1
reboot_to 3 0
wait_until 30 status_is 1 .reboot_stops true
gpuswitchctl status "$card"
expect_match "$(gpuswitchctl status "$card")" "Reboots: none of 2 left: at the next one libvirt stops virtual machine 'guest' instead" "status"
expect_match "$(virsh dumpxml guest)" "<on_reboot>destroy</on_reboot>" "the domain that runs"
expect_match "$(virsh dumpxml --inactive guest)" "<on_reboot>restart</on_reboot>" "the domain's next start"
journal_has MESSAGE_ID=ecb2fc38b73241da974766f272b429c1 GPUSWITCH_GPU="$card" GPUSWITCH_DOMAIN=guest || fail "no warning that none is left"
expect_eq "$(vm_state guest)" running "the guest behind its second reboot"

reboot_guest
wait_until 60 at_home 1
expect_eq "$(vm_state guest)" "shut off" "the guest that wanted to reboot once more"
expect_eq "$(cat $booted)" BBB "boots of the guest"
wait_until 30 journal_has MESSAGE_ID=85846dde4f724e59979feccc4a818cfd GPUSWITCH_GPU="$card" GPUSWITCH_DOMAIN=guest
expect_match "$(status 1 .reboots)" "virtual machine 'guest' has stopped with no reboot left" "status"
journalctl -q -o cat -u gpuswitchd.service -u gpuswitch-virtwatch.service --no-pager -g 'reboot'
settings_compare "$before" "$card"
# (Not expect_unharmed: this family has no reset, so that guests do begin on a card that nothing has reset.)
expect_model bus_resets_in_prefail 0
expect_model binds_unrestored 0
[ "$(model_get state)" != failed ] || fail "the card is lost"

# --- started anew, it reboots again
begin_guest
reboot_to 2 1
systemctl -q stop gpuswitch-virtwatch.service
wait_until 30 status_is 1 .reboots_left 0
expect_match "$(status 1 .reboots)" "all 2 count as used up, since gpuswitch-virtwatch is not there" "status without virtwatch"
vm_destroy guest
wait_until 60 at_home 1
settings_compare "$before" "$card"
