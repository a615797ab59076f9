# SPDX-License-Identifier: LGPL-2.1-or-later
# Where everything but the programs goes. Absolute paths are fixed by systemd, D-Bus, polkit and libvirt.

# The units, the hook and the programs themselves name each other under /usr: another prefix serves to look, not to run.
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
        message(STATUS "What is installed works only with -DCMAKE_INSTALL_PREFIX=/usr (the preset \"release\")")
endif()

# Always "lib": what systemd and the daemon read is not under lib64 or lib/x86_64-linux-gnu.
install(FILES systemd/gpuswitchd.service systemd/gpuswitch-virtwatch.service DESTINATION lib/systemd/system)
install(FILES systemd/gpuswitch.catalog DESTINATION lib/systemd/catalog)
install(FILES systemd/gpuswitch-tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME gpuswitch.conf)
install(FILES systemd/gpuswitch-modules.conf DESTINATION lib/modules-load.d RENAME gpuswitch.conf)
install(FILES systemd/gpuswitch-udev.rules DESTINATION lib/udev/rules.d RENAME 90-gpuswitch.rules)

install(FILES systemd/org.gpuswitch1.conf DESTINATION share/dbus-1/system.d)
install(FILES systemd/org.gpuswitch1.service DESTINATION share/dbus-1/system-services)
install(FILES systemd/org.gpuswitch1.policy DESTINATION share/polkit-1/actions)

file(GLOB quirks CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/policy/quirks/*.json")
file(GLOB schemas CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/policy/schema/*.json")
install(FILES ${quirks} DESTINATION lib/gpuswitch/quirks.d)
install(FILES ${schemas} DESTINATION share/gpuswitch)

# A real file: AppArmor judges a link by what it points to, and lets libvirt run only this place and /usr/bin.
install(PROGRAMS systemd/libvirt-hook DESTINATION /etc/libvirt/hooks/qemu.d RENAME gpuswitch)
install(DIRECTORY DESTINATION /etc/gpuswitch/policy.d)
install(DIRECTORY DESTINATION /etc/gpuswitch/quirks.d)

# For DKMS: the module is optional, and built on the machine that wants it.
configure_file("${PROJECT_SOURCE_DIR}/daemon/guard/dkms.conf.in" "${PROJECT_BINARY_DIR}/dkms.conf" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/dkms.conf" daemon/guard/gpuswitch-guard.c daemon/guard/Kbuild daemon/guard/Makefile
        daemon/guard/README.md DESTINATION src/gpuswitch-guard-${PROJECT_VERSION})

install(PROGRAMS systemd/activate DESTINATION libexec RENAME gpuswitch-activate)
install(FILES client/completion/gpuswitchctl.bash DESTINATION share/bash-completion/completions RENAME gpuswitchctl)
install(FILES policy/README.md DESTINATION share/doc/gpuswitch RENAME policy.md)
install(FILES README.md DESTINATION share/doc/gpuswitch OPTIONAL)
install(FILES LICENSE DESTINATION share/doc/gpuswitch)
