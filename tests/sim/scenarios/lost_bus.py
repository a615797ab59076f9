# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system bus is killed and started again: the daemon is back on it by itself, and nothing is lost or done by half."""

from simlib import expect
from simlib.gpuswitch import Gpuswitch
from simlib.machine import DISPLAY
from simlib.runner import scenario

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"


def another_bus(m):
    m.bus.kill()
    m.bus.wait()
    m._start_bus()
    g = Gpuswitch()
    g.wait(DISPLAY, lambda p: p is not None, "the daemon on the new bus")
    return g


@scenario()
def bus_killed_while_a_guest_has_the_card(m, g):
    before = m.snapshot()
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    for _ in range(3):
        g = another_bus(m)
        expect.equal(g.properties(DISPLAY)["Owner"], "guest", "owner")
        expect.equal(dict(g.properties(DISPLAY)["Domain"])["name"], "vm", "the virtual machine that has it")
    expect.done(g.release(UUID), "ReleaseDomain")
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "after the virtual machine")


@scenario()
def bus_killed_in_the_middle_of_a_start(m, g):
    """The hook has no answer and refuses the start; then libvirt fires release on the new bus."""
    before = m.snapshot()
    m.sim.fault("slow", "hold", DISPLAY, "unbind")
    g.bus.start("org.gpuswitch1", "/org/gpuswitch1", "org.gpuswitch1.Manager", "PrepareDomain", "ssas", UUID, "vm", (DISPLAY,))
    m.sim.wait_hit("slow")
    g = another_bus(m)
    expect.equal(g.properties(DISPLAY)["Owner"], "switching", "owner")
    expect.done(g.release(UUID), "ReleaseDomain")
    m.sim.release("slow")
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "after the start that nobody waits for")


@scenario()
def bus_killed_on_the_way_by_hand(m, g):
    """A caller that leaves cancels nothing."""
    before = m.snapshot()
    for method, owner in ("ToGuest", "guest"), ("ToHost", "host"):
        m.sim.fault(f"slow-{owner}", "hold", DISPLAY, "unbind")
        g.start(DISPLAY, method)
        m.sim.wait_hit(f"slow-{owner}")
        g = another_bus(m)
        m.sim.release(f"slow-{owner}")
        g.wait(DISPLAY, lambda p: p["Owner"] == owner, f"owner {owner}")
        expect.explained(m, g, DISPLAY)
    expect.same(before, m.snapshot(), "at home again")
