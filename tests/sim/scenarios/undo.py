# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A second fault on the way back: the last bind of a switch to the guest is refused, and then a write of its undo. The rest is put
back all the same, the daemon says what is not, and `to-host` mends it.
"""

import errno

from simlib import expect
from simlib.machine import AUDIO, DISPLAY
from simlib.plan_steps import Step, is_of
from simlib.runner import add, scenario
from scenarios.faults import LATE, end

UNDO = [
    Step("override-display", DISPLAY, "driver_override", "amdgpu", 20, ""),
    Step("bind-display", DISPLAY, "bind", "amdgpu", 20, ""),
    Step("clear-override-display", DISPLAY, "driver_override", "\\n", 20, ""),
    Step("unbind-audio", AUDIO, "unbind", "pci-stub", 20, ""),
    Step("override-audio", AUDIO, "driver_override", "snd_hda_intel", 20, ""),
    Step("bind-audio", AUDIO, "bind", "snd_hda_intel", 20, ""),
    Step("clear-override-audio", AUDIO, "driver_override", "\\n", 20, ""),
    Step("d3cold-audio", AUDIO, "d3cold_allowed", "1", 20, ""),
    Step("d3cold-display", DISPLAY, "d3cold_allowed", "1", 20, ""),
    Step("power-audio", AUDIO, "power/control", "auto", 20, ""),
    Step("power-display", DISPLAY, "power/control", "on", 20, ""),
]


def fail_to_guest(m, step, do, **more):
    m.sim.fault("first", "refuse", DISPLAY, "bind", value="vfio-pci", errno=errno.EIO)
    if step:
        m.sim.fault("second", do, step.function, step.file, value=step.value, **more)


def refuse(m, g, step):
    home = m.snapshot()
    fail_to_guest(m, step, "refuse", errno=errno.EBUSY)
    expect.refused(g.switch(DISPLAY, "ToGuest"), "Input/output", "to the guest")
    m.sim.wait_hit("second")
    g.wait_idle(DISPLAY)
    expect.true("not everything could be put back" in m.log(), "the daemon does not say that something was not put back")
    expect.explained(m, g, DISPLAY)
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.same(home, m.snapshot(), "at home")
    end(m, g)


def hang(m, g, step):
    home = m.snapshot()
    fail_to_guest(m, step, "hold")
    call = g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("second")
    m.advance(step.seconds + LATE)
    expect.refused(g.finish(call), "stuck", "to the guest")
    g.wait_stuck(DISPLAY)
    m.sim.release("second")
    g.wait_stuck(DISPLAY, False)
    g.wait_idle(DISPLAY)
    expect.same(home, m.snapshot(), "at home")
    end(m, g)


def dead(m, g, step):
    fail_to_guest(m, step, "dead")
    expect.true(g.switch(DISPLAY, "ToGuest") is not None, "to the guest succeeded")
    g.wait_idle(DISPLAY)
    expect.refused(g.switch(DISPLAY, "ToGuest"), "all ones", "to the guest")
    expect.equal(g.properties(DISPLAY)["ResetState"], "failed", "reset state")
    end(m, g)


def make(call, step):
    return lambda m, g: call(m, g, step)


for name, scenario_call, clock in ("refuse", refuse, False), ("hang", hang, True), ("dead", dead, False):
    for one in UNDO:
        add(f"undo-{name}-{one.name}", make(scenario_call, one), shim=clock)


@scenario()
def undo_table_is_whole(m, g):
    """The steps above are the writes of the real undo."""
    fail_to_guest(m, None, "")
    expect.refused(g.switch(DISPLAY, "ToGuest"), "Input/output", "to the guest")
    record = m.sim.record()
    refused = max(i for i, line in enumerate(record) if line[1:] == ("bind", "vfio-pci"))
    rest = list(UNDO)
    for line in record[refused + 1:]:
        if rest and is_of(rest[0], line):
            rest.pop(0)
        elif line[1] != "config":
            expect.true(False, f"the undo has a write that is not in the table: {line}")
    expect.equal(rest, [], "steps that the undo does not have")


@scenario()
def undo_cut_behind_the_host_bind(m, g):
    """
    The daemon dies on a way back that has bound the host driver again. The next one runs it anew: that the registers of a card at
    home are not to be written any more is no sign that they are lost.
    """
    home = m.snapshot()
    m.sim.fault("first", "refuse", DISPLAY, "config", value="0x7c=", errno=errno.EIO)
    m.sim.fault("second", "hold", AUDIO, "unbind", value="pci-stub")
    g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("second")
    expect.equal(m.snapshot()[DISPLAY]["driver"], "amdgpu", "driver of the display function by then")
    m.kill_daemon()
    m.sim.release("second")
    m.start_daemon()
    g.wait(DISPLAY, lambda p: p is not None, "the card on the bus")
    g.wait_idle(DISPLAY)
    expect.same(home, m.snapshot(), "at home")
    expect.true("could not be put back" not in m.log(), "the log speaks of registers that are lost")
    end(m, g)
