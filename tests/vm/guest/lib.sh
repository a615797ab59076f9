# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What scenarios are written with. It runs inside the lab machine; a scenario begins with ". ./lib.sh".

export LC_ALL=C.UTF-8 LIBVIRT_DEFAULT_URI=qemu:///system
MODEL=/sys/kernel/debug/cardmodel
HOOK=/etc/libvirt/hooks/qemu.d/gpuswitch
UNITS="gpuswitchd.service gpuswitch-virtwatch.service"

# --- verdicts

fail() { # WHY...
    echo "FAIL: $*" >&2
    exit 1
}

expect_eq() { # ACTUAL EXPECTED WHAT
    [ "$1" = "$2" ] || fail "${3:-value}: expected \"$2\", got \"$1\""
}

expect_match() { # TEXT REGEX WHAT
    [[ $1 =~ $2 ]] || fail "${3:-text}: expected a match of \"$2\", got \"$1\""
}

# Polls a condition: wait_until SECONDS COMMAND [ARGUMENT...]. It fails the scenario when the time is over.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || fail "waited in vain for: $*"
        sleep 0.1
    done
}

# --- PCI functions

driver_of() { # ADDRESS; prints nothing when there is none
    local link
    link=$(readlink "/sys/bus/pci/devices/$1/driver") && echo "${link##*/}"
    return 0
}

has_driver() { # ADDRESS DRIVER; for wait_until
    [ "$(driver_of "$1")" = "$2" ]
}

override_of() { # ADDRESS; prints nothing when there is none
    local name
    name=$(< "/sys/bus/pci/devices/$1/driver_override") || fail "no driver_override of $1"
    [ "$name" = "(null)" ] || echo "$name"
}

group_of() { # ADDRESS
    local link
    link=$(readlink "/sys/bus/pci/devices/$1/iommu_group") && echo "${link##*/}"
}

functions_of() { # ADDRESS; all functions of its slot, one a line
    local function
    for function in "/sys/bus/pci/devices/${1%.*}".*; do
        echo "${function##*/}"
    done
}

# What has to be as before after each stop, one line for each function of the slots of the given addresses.
settings_snapshot() { # ADDRESS...
    local card function dir bars
    for card; do
        for function in $(functions_of "$card"); do
            dir=/sys/bus/pci/devices/$function
            bars=$(od -An -v -tx4 -j16 -N24 "$dir/config")
            echo "$function driver=$(driver_of "$function") override=$(override_of "$function") control=$(< "$dir/power/control")" \
                "d3cold_allowed=$(< "$dir/d3cold_allowed") bars=${bars//$'\n'/}"
        done
    done
}

settings_compare() { # SNAPSHOT ADDRESS...
    local before=$1 now
    shift
    now=$(settings_snapshot "$@")
    [ "$before" = "$now" ] || fail "the card is not as it was:"$'\n'"$(diff <(echo "$before") <(echo "$now"))"
}

# --- the modelled cards

# The address of function 0 of card 1 (RX 470 with the reset bug), 2 (GTX 1080, bus reset wanted), 3 (virtio-gpu, resets by FLR)
card_bdf() { # CARD
    local path
    path=$(echo "/sys/bus/pci/devices/0000:00:0$((3 + $1)).0/"0000:*:00.0)
    [ -d "$path" ] || fail "card $1 is not there"
    echo "${path##*/}"
}

model_file() { # KEY [CARD]
    case ${2:-1} in
    1) echo "$MODEL/$1" ;;
    2) echo "$MODEL/card2/$1" ;;
    *) fail "card $2 is not modelled" ;;
    esac
}

model_get() { # KEY [CARD]
    cat "$(model_file "$@")" || fail "the model has no \"$1\""
}

model_set() { # KEY VALUE [CARD]
    echo "$2" > "$(model_file "$1" "${3:-1}")" || fail "the model did not take $1=$2"
}

expect_model() { # KEY VALUE [CARD]
    expect_eq "$(model_get "$1" "${3:-1}")" "$2" "$1 of card ${3:-1}"
}

# --- virtual machines

# vm_define NAME [managed=no] [confined=yes] [uuid=UUID] [xml=DEVICE-XML] [ADDRESS...]
#
# Two things make a start cost 1 s here instead of 7: it is not confined, since libvirt compiles an AppArmor profile five times for each
# start, and libvirt does not ask QEMU about each of 460 processor features. Neither has to do with PCI devices. confined=yes leaves both out.
vm_define() {
    local name=$1 managed=yes confined=no uuid="" devices="" arg quick
    shift
    for arg; do
        case $arg in
        managed=*) managed=${arg#*=} ;;
        confined=*) confined=${arg#*=} ;;
        uuid=*) uuid="<uuid>${arg#*=}</uuid>" ;;
        xml=*) devices+=${arg#*=} ;;
        *) devices+=$(hostdev_xml "$arg" "$managed") ;;
        esac
    done
    quick="<seclabel type='none'/>"
    quick+="<qemu:capabilities><qemu:del capability='cpu-unavailable-features'/></qemu:capabilities>"
    [ "$confined" = no ] || quick=""
    virsh -q define /dev/stdin > /dev/null << XML || fail "libvirt does not take the definition of $name"
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>$name</name>
  $uuid
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    $devices
  </devices>
  $quick
</domain>
XML
}

hostdev_xml() { # ADDRESS [MANAGED]
    local domain bus slot function
    IFS=:. read -r domain bus slot function <<< "$1"
    echo "<hostdev mode='subsystem' type='pci' managed='${2:-yes}'><source>" \
        "<address domain='0x$domain' bus='0x$bus' slot='0x$slot' function='0x$function'/></source></hostdev>"
}

# These print libvirt's words and return its verdict.
vm_start() { # NAME
    virsh -q start "$1" 2>&1
}

vm_destroy() { # NAME
    virsh -q destroy "$1" 2>&1
}

vm_state() { # NAME
    virsh -q domstate "$1" | sed -n 1p
}

vm_pid() { # NAME; of its QEMU
    cat "/run/libvirt/qemu/$1.pid"
}

# --- the optional kernel module gpuswitch-guard

GUARD=/sys/bus/pci/drivers/gpuswitch-guard

guard_load() {
    insmod /usr/lib/gpuswitch-lab/gpuswitch-guard.ko || fail "the guard module does not load"
}

guard_unload() { # [rmmod's OPTION]
    rmmod "$@" gpuswitch_guard
}

guarded() { # prints the slots that it guards
    tr '\n' ' ' < "$GUARD/guarded"
}

expect_guarded() { # ADDRESS...
    expect_eq "$(guarded)" "${*:+$* }" "what the module guards"
}

# --- the machine

gpuswitch_installed() {
    [ -x /usr/libexec/gpuswitchd ]
}

# As an administrator would who wants to be rid of it for now.
gpuswitch_off() {
    gpuswitch_installed || return 0
    # shellcheck disable=SC2086  # a list
    systemctl -q mask --now $UNITS
    [ ! -e "$HOOK" ] || mv "$HOOK" "/run/${HOOK##*/}.away"
}

gpuswitch_on() {
    gpuswitch_installed || fail "gpuswitch is not in this machine"
    [ ! -e "/run/${HOOK##*/}.away" ] || mv "/run/${HOOK##*/}.away" "$HOOK"
    touch /etc/gpuswitch-lab/gpuswitch
    # shellcheck disable=SC2086
    systemctl -q start $UNITS || fail "gpuswitch does not start"
}

# Ends this boot; the scenario runs again from its top after it, with LAB_BOOT one higher, on the same disk.
reboot_machine() {
    echo "LAB-REBOOT"
    systemctl reboot || fail "the machine does not reboot"
    sleep infinity
}

# What the lab shows beside the output of a scenario that failed.
evidence() {
    echo "--- kernel"
    dmesg | tail -n 25
    echo "--- gpuswitch"
    # shellcheck disable=SC2046,SC2086
    journalctl -b -q --no-pager -o short-monotonic -n 60 $(printf -- '-u %s ' $UNITS)
}
