#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# model: on
# gpuswitch: off

# The card model itself, by raw writes: what makes a card touched, prefail and failed, and what each temper makes of a config reset.
. ./lib.sh

card=$(card_bdf 1)
audio=${card%.0}.1
port=$(basename "$(dirname "$(readlink -f "/sys/bus/pci/devices/$card")")")

bind() { echo "$1" > "/sys/bus/pci/drivers/$2/bind"; }
unbind() { echo "$1" > "/sys/bus/pci/devices/$1/driver/unbind"; }
config_reset() { setpci -s "$card" 7c.L=39d5e86b; }
command_and_bars() { setpci -s "$1" COMMAND 10.L 14.L 18.L 1c.L 20.L 24.L | tr '\n' ' '; }
put_back() { # FUNCTION VALUES of command_and_bars
    local function=$1 register=10 value
    # shellcheck disable=SC2086  # a list
    set -- $2
    local command=$1
    shift
    for value; do
        setpci -s "$function" "$register.L=$value"
        register=$(printf %x $((0x$register + 4)))
    done
    setpci -s "$function" COMMAND="$command"
}
bus_reset() {
    setpci -s "$port" BRIDGE_CONTROL=40:40
    setpci -s "$port" BRIDGE_CONTROL=0:40
}
begin() { # TEMPER: a card that has just been powered up, without a driver
    [ -z "$(driver_of "$card")" ] || unbind "$card"
    model_set power_cycle 1
    model_set temper "$1"
    model_set bus_resets_in_prefail 0
    expect_model state fresh
}
to_prefail() {
    bind "$card" amdgpu
    unbind "$card"
    expect_model state touched
    bind "$card" amdgpu
    expect_model state prefail
    unbind "$card"
}

echo "- what it looks like"
expect_eq "$(cat "/sys/bus/pci/devices/$card/"{vendor,device,class} | tr '\n' ' ')" "0x1002 0x67df 0x030000 " "ids of the display function"
expect_eq "$(cat "/sys/bus/pci/devices/$audio/"{vendor,device,class} | tr '\n' ' ')" "0x1002 0xaaf0 0x040300 " "ids of the audio function"
expect_eq "$(driver_of "$card") $(driver_of "$audio")" "amdgpu snd_hda_intel" "drivers"
expect_eq "$(group_of "$card")" "$(group_of "$audio")" "IOMMU group of the audio function"
[ -n "$(echo "/sys/bus/pci/devices/$audio/sound/"card*/controlC*)" ] || fail "the audio function has no ALSA node"
expect_match "$(dmesg)" "initializing kernel modesetting \(POLARIS10 0x1002:0x67DF 0x1DA2:0xE353 0xCF\)" "kernel log of the first bind"
expect_model binds 1
expect_model state fresh
expect_eq "$(cat "/sys/bus/pci/devices/$card/boot_vga")" 0 "boot_vga"

echo "- a config reset takes command and BARs of both functions, and a bind without them fails"
unbind "$card"
unbind "$audio"
before=$(command_and_bars "$card")
before_audio=$(command_and_bars "$audio")
begin strict
config_reset
expect_model config_resets_before_driver 1
expect_eq "$(setpci -s "$card" COMMAND 10.L | tr '\n' ' ')" "0000 00000008 " "the display function after a config reset"
expect_eq "$(setpci -s "$audio" COMMAND 10.L | tr '\n' ' ')" "0000 00000000 " "the audio function after a config reset"
bind "$card" amdgpu 2> /dev/null && fail "the bind without BARs should fail"
expect_model binds_unrestored 1
put_back "$card" "$before"
put_back "$audio" "$before_audio"
bind "$card" amdgpu || fail "the bind with restored BARs should work"
expect_model binds_unrestored 1

echo "- the driver resets a card whose microcontroller it finds running, and says so"
unbind "$card"
dmesg -C
bind "$card" amdgpu
expect_match "$(dmesg)" "amdgpu $card: amdgpu: PCI CONFIG reset" "kernel log"
unbind "$card"
config_reset
put_back "$card" "$before"
put_back "$audio" "$before_audio"
dmesg -C
bind "$card" amdgpu
[[ $(dmesg) != *"PCI CONFIG reset"* ]] || fail "the driver reset a card that was reset already"

for temper in lenient:touched strict:prefail armed:prefail; do
    echo "- ${temper%:*}: a config reset in prefail leads to ${temper#*:}"
    begin "${temper%:*}"
    [ "$temper" = armed:prefail ] || to_prefail
    if [ "$temper" = armed:prefail ]; then
        bind "$card" amdgpu
        unbind "$card"
        expect_model state touched
    fi
    config_reset
    expect_model state "${temper#*:}"
    put_back "$card" "$before"
    put_back "$audio" "$before_audio"
done

echo "- a bus reset is harmless until it is not"
begin strict
bind "$card" amdgpu
unbind "$card"
bus_reset
expect_model state touched
put_back "$card" "$before"
put_back "$audio" "$before_audio"
bind "$card" amdgpu
unbind "$card"
expect_model state prefail
expect_model bus_resets_in_prefail 0
bus_reset
expect_model state failed
expect_model bus_resets_in_prefail 1
expect_eq "$(setpci -s "$card" 0.L) $(setpci -s "$audio" 0.L)" "ffffffff ffffffff" "a failed card"
begin strict
put_back "$card" "$before"
put_back "$audio" "$before_audio"
expect_eq "$(setpci -s "$card" 0.L)" "67df1002" "a card after a power cycle"

echo "- remove() hangs, cannot be killed, and holds nobody else up; then it is let go"
bind "$card" amdgpu
bind "$audio" snd_hda_intel
model_set hang_remove -1
echo "$card" > "/sys/bus/pci/devices/$card/driver/unbind" &
writer=$!
in_state_d() { [ "$(awk '{ print $3 }' "/proc/$writer/stat")" = D ]; }
wait_until 10 in_state_d
kill -KILL "$writer"
expect_eq "$(driver_of "$card")" "" "the driver link of a function whose remove() hangs"
expect_eq "$(setpci -s "$card" 0.L)" "67df1002" "the card meanwhile"
in_state_d || fail "the writer should still be in state D"
model_set hang_remove 0
wait "$writer"
expect_model state touched
bind "$card" amdgpu || fail "the card should come back after remove() is done"
