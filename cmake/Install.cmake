# SPDX-License-Identifier: LGPL-2.1-or-later
# Where everything but the programs goes. Absolute paths are fixed by systemd, D-Bus, polkit and libvirt.
