# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ways of a card when nothing goes wrong."""

import re

from simlib import expect
from simlib.machine import AUDIO, DISPLAY, DISPLAY2
from simlib.runner import add, scenario

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"


@scenario()
def there_and_back(m, g):
    before = m.snapshot()
    for _ in range(3):
        expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
        functions = m.snapshot()
        expect.equal(functions[DISPLAY]["driver"], "vfio-pci", "driver of the display function")
        expect.equal(functions[AUDIO]["driver"], "pci-stub", "driver of the audio function")
        expect.equal({f["control"] for f in functions.values()}, {"on"}, "power/control with the guest")
        expect.equal({f["d3cold"] for f in functions.values()}, {"0"}, "d3cold_allowed with the guest")
        expect.done(g.switch(DISPLAY, "ToHost"), "home")
        expect.same(before, m.snapshot(), "after the way home")
    expect.unharmed(m)
    expect.equal(m.sim.card(1)["bus_resets"], "0", "bus resets")


@scenario()
def by_command_line(m, g):
    for verb, owner in ("to-guest", "guest"), ("to-host", "host"):
        status, _, err = m.ctl(verb, DISPLAY)
        expect.equal(status, 0, f"gpuswitchctl {verb} ({err})")
        expect.equal(m.status(DISPLAY)["owner"], owner, "owner")


@scenario()
def second_card(m, g):
    """All functions of a card whose family wants the bus reset go to vfio-pci, and the reset happens."""
    before = m.snapshot(2)
    expect.done(g.switch(DISPLAY2, "ToGuest"), "to the guest")
    expect.equal({f["driver"] for f in m.snapshot(2).values()}, {"vfio-pci"}, "drivers")
    m.sim.command("guest", "start", 2)
    m.sim.command("guest", "stop", 2)
    expect.equal(m.sim.card(2)["guest_starts_unreset"], "0", "starts of a guest on a card that was not reset")
    expect.done(g.switch(DISPLAY2, "ToHost"), "home")
    expect.same(before, m.snapshot(2), "after the way home")


def cycles(temper):
    def run(m, g):
        m.sim.command("set", 1, "temper", temper)
        before = m.snapshot()
        for _ in range(4):
            expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
            m.sim.command("guest", "start", 1)
            m.sim.command("guest", "stop", 1)
            expect.done(g.release(UUID), "ReleaseDomain")
            g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
            expect.same(before, m.snapshot(), "after the way home")
        expect.unharmed(m)
        expect.equal(m.sim.card(1)["guest_starts_unreset"], "0", "starts of a guest on a card that was not reset")
    return run


for name in "lenient", "strict", "armed":
    add(f"four-guests-{name}", cycles(name))


@scenario()
def other_hands(m, g):
    """What somebody else binds is seen by its uevents, and taken as it is."""
    with open(f"/sys/bus/pci/devices/{DISPLAY}/driver/unbind", "w") as file:
        file.write(DISPLAY)
    g.wait(DISPLAY, lambda p: p["Owner"] == "none", "no owner")
    with open("/sys/bus/pci/drivers/amdgpu/bind", "w") as file:
        file.write(DISPLAY)
    g.wait(DISPLAY, lambda p: p["Owner"] == "host" and p["ResetState"] == "prefail", "the second bind")


@scenario()
def removed_and_found_again(m, g):
    for address in AUDIO, DISPLAY:
        with open(f"/sys/bus/pci/devices/{address}/remove", "w") as file:
            file.write("1")
    g.wait(DISPLAY, lambda p: p is None, "the card to go")
    with open("/sys/bus/pci/rescan", "w") as file:
        file.write("1")
    g.wait(DISPLAY, lambda p: p is not None and len(p["Functions"]) == 2, "the card to come back")


@scenario()
def held_by_a_guest(m, g):
    """A card that a virtual machine holds comes home when the machine lets go, and not before."""
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    held = open("/dev/vfio/2", "r+b", buffering=0)
    m.sim.fault("waits", "notice", file="vfio/2", kind="o")
    call = g.start(DISPLAY, "ToHost")
    m.sim.wait_hit("waits")
    expect.equal(g.properties(DISPLAY)["Owner"], "switching", "owner meanwhile")
    held.close()
    expect.done(g.finish(call), "home")


@scenario()
def kernel_log_is_followed(m, g):
    """Somebody else's bind of a running card: amdgpu's own line says that it is in prefail."""
    m.sim.command("log", f"amdgpu {DISPLAY}: amdgpu: PCI CONFIG reset")
    g.wait(DISPLAY, lambda p: p["ResetState"] == "prefail", "prefail by the kernel log")


@scenario()
def plan_is_what_is_written(m, g):
    """What `plan` says is what is written: as many writes to attributes and drivers, in its order."""
    names = {"set-override": "driver_override", "set-power": "power/control", "set-d3cold": "d3cold_allowed"}
    for direction, method in ("guest", "ToGuest"), ("host", "ToHost"):
        planned = []
        for step in g.plan(DISPLAY, direction):
            action = step["action"]
            if action in names or action in ("bind", "unbind"):
                function = re.search(r"0000:[0-9a-f:.]+", step["description"])[0]
                planned.append((function, names.get(action, action)))
        first = len(m.sim.record())
        expect.done(g.switch(DISPLAY, method), method)
        written = [line[:2] for line in m.sim.record(first) if line[1] != "config"]
        expect.equal(written, planned, f"writes on the way to the {direction}")
