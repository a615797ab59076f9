# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What scenarios are written with. It runs inside the lab machine; a scenario begins with ". ./lib.sh".

export LC_ALL=C.UTF-8 LIBVIRT_DEFAULT_URI=qemu:///system
MODEL=/sys/kernel/debug/cardmodel
HOOK=/etc/libvirt/hooks/qemu.d/gpuswitch

# --- verdicts

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

expect_eq() { # ACTUAL EXPECTED WHAT
    [ "$1" = "$2" ] || fail "${3:-value}: expected \"$2\", got \"$1\""
}

expect_match() { # TEXT REGEX WHAT
    [[ $1 =~ $2 ]] || fail "${3:-text}: expected a match of \"$2\", got \"$1\""
}

# Polls: wait_until SECONDS COMMAND [ARGUMENT...]
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || fail "waited in vain for: $*"
        sleep 0.1
    done
}

# --- the modelled cards

# The address of function 0 of card 1 (reset bug), 2 (bus reset wanted), 3 (virtio-gpu, FLR)
card_bdf() {
    readlink -f "/sys/bus/pci/devices/0000:00:0$((3 + $1)).0"/0000:*:00.0 | sed 's|.*/||'
}

model_dir() {
    [ "${1:-1}" = 1 ] && echo "$MODEL" || echo "$MODEL/card$1"
}

model_get() { # KEY [CARD]
    cat "$(model_dir "${2:-1}")/$1"
}

model_set() { # KEY VALUE [CARD]
    echo "$2" > "$(model_dir "${3:-1}")/$1" || fail "the model did not take $1=$2"
}

driver_of() { # ADDRESS; prints nothing when there is none
    local link
    link=$(readlink "/sys/bus/pci/devices/$1/driver") && echo "${link##*/}"
    return 0
}

override_of() { # ADDRESS; prints nothing when there is none
    local name
    name=$(cat "/sys/bus/pci/devices/$1/driver_override") || fail "no driver_override of $1"
    [ "$name" = "(null)" ] || echo "$name"
}

# --- virtual machines

# vm_define NAME [managed=no] [xml=DEVICE-XML] [ADDRESS...]
vm_define() {
    local name=$1 managed=yes devices="" arg
    shift
    for arg; do
        case $arg in
        managed=*) managed=${arg#*=} ;;
        xml=*) devices+=${arg#*=} ;;
        *) devices+="<hostdev mode='subsystem' type='pci' managed='$managed'><source><address domain='0x${arg%%:*}' bus='0x${arg:5:2}'"
           devices+=" slot='0x${arg:8:2}' function='0x${arg:11:1}'/></source></hostdev>" ;;
        esac
    done
    virsh -q define /dev/stdin > /dev/null << XML || fail "libvirt does not take the definition of $name"
<domain type='qemu'>
  <name>$name</name>
  <memory unit='MiB'>64</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    $devices
  </devices>
</domain>
XML
}

vm_start() { # NAME; the error text goes to stdout
    virsh -q start "$1" 2>&1
}

vm_destroy() {
    virsh -q destroy "$1" 2>&1
}

vm_state() {
    virsh domstate "$1" | sed -n 1p
}

# --- the machine

gpuswitch_installed() {
    [ -x /usr/libexec/gpuswitchd ]
}

# Run before each scenario: the cards appear, then the daemon starts, as at a boot.
machine_up() {
    . ./settings
    if [ "${LAB_BOOT:-1}" -gt 1 ]; then
        return 0
    fi
    if [ "$LAB_MODEL" = on ]; then
        mkdir -p /etc/gpuswitch-lab
        echo "temper=$LAB_TEMPER shared_group=$([ "$LAB_GROUPS" = shared ] && echo 1 || echo 0)" > /etc/gpuswitch-lab/model
        /usr/lib/gpuswitch-lab/load-model || return 1
    fi
    if [ "$LAB_GPUSWITCH" = on ] && gpuswitch_installed; then
        systemctl unmask gpuswitchd.service gpuswitch-virtwatch.service
        systemctl enable --now gpuswitchd.service gpuswitch-virtwatch.service || return 1
    fi
}
