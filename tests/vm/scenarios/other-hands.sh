#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie
# temper: strict

# Other hands change drivers, take the card off the bus and bring it back: taken as it is, never undone, and the state follows.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
vm_define guest "$card"
expect_status 1 .reset_state fresh

echo "$card" > "/sys/bus/pci/devices/$card/driver/unbind"
wait_until 10 status_is 1 .owner none
expect_status 1 .reset_state touched
echo "$card" > /sys/bus/pci/drivers/amdgpu/bind
wait_until 10 status_is 1 .owner host
expect_status 1 .reset_state prefail
journal_has "GPUSWITCH_STATE=prefail" "GPUSWITCH_OLD_STATE=touched" "GPUSWITCH_GPU=$card" || fail "no entry for the change of state"

# A driver that was unbound and bound again at once: the link alone would hide it.
second=$(card_bdf 2)
driver=$(driver_of "$second")
echo "$second" > "/sys/bus/pci/drivers/$driver/unbind"
echo "$second" > "/sys/bus/pci/drivers/$driver/bind"
wait_until 10 status_is 2 .reset_state touched

# No driver is a legal home when somebody wanted it so.
echo "$card" > "/sys/bus/pci/devices/$card/driver/unbind"
wait_until 10 status_is 1 .owner none
before=$(settings_snapshot "$card")
vm_start guest || fail "start from no driver"
vm_destroy guest
wait_until 60 status_is 1 '.owner + " " + (.operation | tostring)' "none null"
settings_compare "$before" "$card"
expect_model bus_resets_in_prefail 0
echo "$card" > /sys/bus/pci/drivers/amdgpu/bind
wait_until 10 status_is 1 .owner host

third=$(card_bdf 3)
echo 1 > "/sys/bus/pci/devices/$third/remove"
wait_until 10 eval '[ "$(gpuswitchctl list --json | jq ".gpus | map(select(.address == \"'"$third"'\")) | length")" = 0 ]'
echo 1 > /sys/bus/pci/rescan
wait_until 10 eval '[ "$(gpuswitchctl list --json | jq ".gpus | map(select(.address == \"'"$third"'\")) | length")" = 1 ]'
