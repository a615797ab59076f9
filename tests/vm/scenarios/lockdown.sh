#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# suites: trixie bookworm
# temper: strict

# Under kernel lockdown nobody may write configuration space, so no reset is planned: said beforehand, refused by name, and a guarded
# start goes on where policy allows. Lockdown is entered here: from the kernel's command line it would refuse the model's module.
. ./lib.sh
. ./gpuswitch.sh

card=$(card_bdf 1)
before=$(settings_snapshot "$card")
vm_define guest "$card"
starts=$(model_get guest_starts)
vm_start guest || fail "the start before lockdown"
wait_until 60 guest_has_begun 1 "$starts"
vm_destroy guest
wait_until 60 at_home 1
expect_unharmed
expect_model bus_resets 0

# From here on debugfs is closed as well, and with it the model's counters.
echo integrity > /sys/kernel/security/lockdown
grep -q '\[integrity\]' /sys/kernel/security/lockdown || fail "the kernel is not locked down"
printf '\0' | dd of="/sys/bus/pci/devices/$card/config" bs=1 seek=124 conv=notrunc status=none 2> /dev/null && fail "configuration space can be written, so there is nothing to show"

expect_match "$(gpuswitchctl explain "$card")" "lockdown" "what explain says beforehand"
gpuswitchctl explain "$card" > /dev/null && fail "explain says that it can be switched"
expect_match "$(gpuswitchctl plan "$card" guest 2>&1)" "lockdown" "what plan says beforehand"
expect_refused guest "lockdown"
expect_status 1 .owner host
settings_compare "$before" "$card"

mkdir -p /etc/gpuswitch/policy.d
cat > /etc/gpuswitch/policy.d/lockdown.json << END
{ "version": 1, "cards": [ { "match": { "address": "$card" }, "allow": ["lockdown"] } ] }
END
systemctl reload gpuswitchd.service
gpuswitchctl plan "$card" guest | tee /dev/stderr | grep -q "reset:" && fail "a reset is planned"
for i in 1 2; do
    vm_start guest || fail "guarded start $i under lockdown"
    expect_eq "$(driver_of "$card")" vfio-pci "driver while the VM runs"
    expect_status 1 .guard stub-companion
    vm_destroy guest
    wait_until 60 at_home 1
    settings_compare "$before" "$card"
done
# A bus reset in prefail would have taken the card off the bus.
[ "$(setpci -s "$card" 0.w)" = 1002 ] || fail "the card is lost"
expect_status 1 .reset_state prefail
journal_has GPUSWITCH_REASON=lockdown || fail "the refusal is not in the journal"
