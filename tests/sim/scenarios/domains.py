# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The same faults while a virtual machine asks: a start that fails leaves no lease and a card at home; a way home that fails leaves
a card without a lease, where status says that it is, and `to-host` brings it home.
"""

import errno

from simlib import expect
from simlib.machine import DISPLAY
from simlib.plan_steps import STEPS
from simlib.runner import add
from scenarios.faults import end, look_again, set_fault

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"


def start_refused(m, g, step):
    home = m.snapshot()
    set_fault(m, step, "refuse", errno=errno.EIO)
    expect.refused(g.prepare(UUID, "vm", DISPLAY), "failed" if step.place == "reset" else "Input/output", "PrepareDomain")
    shown = g.wait_idle(DISPLAY)
    expect.equal(shown["Domain"], {}, "lease")
    expect.same(home, m.snapshot(), "after the undo")
    end(m, g)
    look_again(g)
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    expect.equal(g.properties(DISPLAY)["Domain"]["uuid"], UUID, "lease")
    expect.done(g.release(UUID), "ReleaseDomain")
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(home, m.snapshot(), "at home")


def return_refused(m, g, step):
    home = m.snapshot()
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    m.sim.command("guest", "start", 1)
    m.sim.command("guest", "stop", 1)
    set_fault(m, step, "refuse", errno=errno.EIO)
    expect.done(g.release(UUID), "ReleaseDomain")
    m.sim.wait_hit("fault")
    shown = g.wait_idle(DISPLAY)
    expect.equal(shown["Domain"], {}, "lease")
    expect.true("Input/output error" in m.log(), "the log does not say what failed")
    end(m, g)
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.same(home, m.snapshot(), "at home")


def make(call, step):
    return lambda m, g: call(m, g, step)


for one in STEPS["guest"]:
    add(f"start-refused-{one.name}", make(start_refused, one))
for one in STEPS["host"]:
    add(f"return-refused-{one.name}", make(return_refused, one))
