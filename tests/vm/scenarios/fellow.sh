#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# temper: strict
# timeout: 600
# qemu: -device pcie-root-port,id=port7,chassis=7,slot=7,bus=pcie.0,addr=a -drive driver=null-co,size=64M,read-zeroes=on,if=none,id=spare,snapshot=on -device nvme,drive=spare,serial=lab,bus=port7 -device pcie-root-port,id=port8,chassis=8,slot=8,bus=pcie.0,addr=b -device e1000e,bus=port8,romfile=

# An NVMe controller and a network card go along with the card: not while the host uses them, and whole again behind the guest.
. ./lib.sh
. ./gpuswitch.sh

below() { # PORT; the device behind it
    local path
    path=$(echo "/sys/bus/pci/devices/$1/"0000:*:00.0)
    [ -d "$path" ] || fail "nothing is behind $1"
    echo "${path##*/}"
}

disk_there() { # for wait_until
    [ -b /dev/nvme0n1 ]
}

link_is() { # STATE; for wait_until
    [ "$(cat "/sys/bus/pci/devices/$nic/net/$interface/operstate" 2> /dev/null)" = "$1" ]
}

snapshot() {
    settings_snapshot "$card" "$disk" "$nic"
    grep -H . "/sys/bus/pci/devices/$disk/reset_method" "/sys/bus/pci/devices/$nic/reset_method"
}

expect_same() {
    [ "$before" = "$(snapshot)" ] || fail "not all is as it was:"$'\n'"$(diff <(echo "$before") <(snapshot))"
}

card=$(card_bdf 1)
disk=$(below 0000:00:0a.0)
nic=$(below 0000:00:0b.0)
wait_until 60 has_driver "$disk" nvme
wait_until 60 has_driver "$nic" e1000e
wait_until 60 disk_there
interface=$(ls "/sys/bus/pci/devices/$nic/net")
expect_match "$(cat "/sys/bus/pci/devices/$disk/reset_method")" "flr bus" "resets that the kernel has for the NVMe controller"
before=$(snapshot)

mkdir -p /etc/gpuswitch/policy.d /etc/gpuswitch/quirks.d
cat > /etc/gpuswitch/policy.d/50-fellow.json << END
{ "version": 1, "cards": [ { "match": { "address": "$card" }, "with": ["$disk", "$nic"] } ] }
END
cat > /etc/gpuswitch/quirks.d/50-lab.json << END
{ "version": 1, "families": [], "devices": [ { "device": "lab-nvme", "match": [{ "id": "1b36:0010" }],
  "reset": { "value": "flr", "source": "a scenario" } } ] }
END
systemctl reload gpuswitchd
vm_define guest managed=no "$card" "$disk" "$nic"

# --- in use: refused by name, nothing is touched
mkswap -q /dev/nvme0n1 || fail "no swap on the disk"
swapon /dev/nvme0n1 || fail "the swap cannot be used"
expect_refused guest "swap on nvme0n1"
expect_match "$(gpuswitchctl explain "$card")" "swap on nvme0n1" "what explain says"
swapoff /dev/nvme0n1

# busybox makes ext2, which the driver of ext4 mounts.
busybox mke2fs -F /dev/nvme0n1 > /dev/null || fail "no file system on the disk"
mkdir -p /srv/games
mount -t ext4 /dev/nvme0n1 /srv/games || fail "the file system does not mount"
dd if=/dev/urandom of=/srv/games/saved bs=1M count=8 status=none
sum=$(md5sum < /srv/games/saved)
expect_refused guest "$disk.*file system /srv/games on nvme0n1"
expect_eq "$(md5sum < /srv/games/saved)" "$sum" "the file behind the refusal"
umount /srv/games

busybox ip link set "$interface" up
wait_until 30 link_is up
expect_refused guest "$nic.*$interface"
busybox ip link set "$interface" down
wait_until 30 link_is down
expect_same
expect_status 1 .owner host

# --- there and back, as libvirt leaves such devices alone and as it manages them
for managed in no yes; do
    vm_define "$managed" "managed=$managed" "$card" "$disk" "$nic"
    starts=$(model_get guest_starts)
    vm_start "$managed" || fail "start with managed=$managed"
    for function in "$card" "$disk" "$nic"; do
        expect_eq "$(driver_of "$function")" vfio-pci "driver of $function while the guest runs"
    done
    expect_eq "$(cat "/sys/bus/pci/devices/$disk/reset_method")" flr "resets that the guest can cause"
    wait_until 90 guest_has_begun 1 "$starts"
    vm_destroy "$managed" || fail "stop with managed=$managed"
    wait_until 90 at_home 1
    expect_eq "$(driver_of "$disk") $(driver_of "$nic")" "nvme e1000e" "drivers at home"
    expect_same
    expect_unharmed
    wait_until 60 disk_there
    mount -t ext4 /dev/nvme0n1 /srv/games || fail "the file system does not mount behind managed=$managed"
    expect_eq "$(md5sum < /srv/games/saved)" "$sum" "the file behind managed=$managed"
    umount /srv/games
done
expect_model bus_resets 0
