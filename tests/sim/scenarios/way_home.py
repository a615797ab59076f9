# SPDX-License-Identifier: LGPL-2.1-or-later
"""A way home that does not begin with the card on vfio-pci: it was cut off in the middle, or other hands have begun it."""

import errno

from simlib import expect
from simlib.machine import AUDIO, DISPLAY
from simlib.runner import scenario
from simlib.sysfs import write

DEVICES, DRIVERS = "/sys/bus/pci/devices", "/sys/bus/pci/drivers"


@scenario()
def way_home_cut_off_and_refused(m, g):
    """The host's driver refuses the display, before the daemon's death and behind it: all of it is with the guests again."""
    home = m.snapshot()
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    guest = m.snapshot()
    m.sim.fault("slow", "hold", DISPLAY, "bind", value="amdgpu")
    g.start(DISPLAY, "ToHost")
    m.sim.wait_hit("slow")
    m.kill_daemon()
    m.sim.fault("again", "refuse", DISPLAY, "bind", value="amdgpu", errno=errno.EIO)
    m.sim.release("slow", errno.EIO)
    m.start_daemon()
    shown = g.wait_idle(DISPLAY)
    m.sim.wait_hit("again")
    expect.equal(shown["Owner"], "guest", "owner")
    expect.same(guest, m.snapshot(), "with the guests")
    expect.explained(m, g, DISPLAY)
    m.sim.command("forget", "again")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.same(home, m.snapshot(), "at home")
    expect.unharmed(m)


@scenario()
def way_home_of_the_companion_alone(m, g):
    """Other hands have brought the display home. That its companion cannot follow is no reason to leave the settings of both."""
    home = m.snapshot()
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    for path, text in ((f"{DEVICES}/{DISPLAY}/driver_override", "amdgpu"), (f"{DRIVERS}/vfio-pci/unbind", DISPLAY),
                       (f"{DRIVERS}/amdgpu/bind", DISPLAY)):
        expect.equal(write(path, text), 0, path)
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the display to be home")
    m.sim.fault("stays", "refuse", AUDIO, "unbind", value="pci-stub", errno=errno.EIO)
    expect.refused(g.switch(DISPLAY, "ToHost"), "Input/output", "home")
    g.wait_idle(DISPLAY)
    now = m.snapshot()
    expect.equal(now[DISPLAY], home[DISPLAY], "the display")
    expect.equal([now[AUDIO][key] for key in ("driver", "control", "d3cold")],
                 ["pci-stub", home[AUDIO]["control"], home[AUDIO]["d3cold"]], "its companion")
    m.sim.command("forget", "stays")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.same(home, m.snapshot(), "at home")
    expect.unharmed(m)
