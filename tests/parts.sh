# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What tests/check and tests/demo share: the packages they need, and how many lab machines fit.

BUILD_PACKAGES=(gcc cmake ninja-build pkg-config libsystemd-dev libvirt-dev libjson-c-dev libxml2-dev
        libsqlite3-dev libfuse3-dev fuse3 check dbus systemd shellcheck python3 git)
# For tests/check only.
CHECK_PACKAGES=(clang clang-tidy cppcheck valgrind libc6-dbg gcovr)
LAB_PACKAGES=(qemu-system-x86 mmdebstrap debian-archive-keyring e2fsprogs kmod zstd)

# libFuzzer and the sanitizers of the clang that "clang" is here.
fuzz_packages() {
        local version
        version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
        echo clang "libclang-rt-${version:-14}-dev"
}

# Installs what is missing of those two and of what is named, as root or through sudo; says nothing when all is there.
install_packages() {
        local missing=() package as_root=()
        for package in "${BUILD_PACKAGES[@]}" "${LAB_PACKAGES[@]}" "$@"; do
                dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
        done
        [ ${#missing[@]} -gt 0 ] || return 0
        [ "$(id -u)" -eq 0 ] || as_root=(sudo)
        echo "installing: ${missing[*]}"
        "${as_root[@]}" apt-get update -qq &&
                "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                        "${missing[@]}" >/dev/null
}

# A lab machine keeps one core busy and needs 2 GiB.
lab_jobs() {
        local cores memory
        cores=$(nproc)
        memory=$(awk '/MemAvailable/ { print int($2 / 1024 / 1024 / 4) }' /proc/meminfo)
        echo $((cores < memory ? cores : (memory > 0 ? memory : 1)))
}
