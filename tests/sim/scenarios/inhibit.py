# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that hold switches back."""

import os

from simlib import expect
from simlib.machine import DISPLAY, DISPLAY2, PATIENCE, Failure
from simlib.runner import scenario

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"


class Inhibitor:
    """gpuswitchctl inhibit with a command that ends when it is told to, and not with the machine: release() it."""

    def __init__(self, m, name, mode, *arguments):
        self.fifo = f"/run/{name}"
        os.mkfifo(self.fifo)
        self.process = m.ctl_start("inhibit", "--who", name, "--why", "a film", "--mode", mode, *arguments, "--",
                                   "/bin/sh", "-c", f"echo up; read line < {self.fifo}")
        line = self.process.stdout.readline()
        if line != "up\n":
            raise Failure(f"inhibit: {line}{self.process.stderr.read()}")

    def release(self):
        with open(self.fifo, "w") as fifo:
            fifo.write("\n")
        self.process.wait(PATIENCE)


def told(g):
    """What PrepareForSwitch has said so far: [(card, direction, begin)]."""
    return [(s.body[0], s.body[1], s.body[3]) for s in g.bus.signals if s.member == "PrepareForSwitch"]


def wait_told(g, address, direction, begin):
    while (address, direction, begin) not in told(g):
        g.bus.receive()


@scenario()
def inhibit_block(m, g):
    before = m.snapshot()
    farm = Inhibitor(m, "farm", "block", "--gpu", DISPLAY)
    for error in g.switch(DISPLAY, "ToGuest"), g.prepare(UUID, "vm", DISPLAY):
        expect.refused(error, "Error.Refused", "the switch")
        expect.refused(error, f"GPU {DISPLAY} is held back by 'farm' (pid {farm.process.pid}, user 0): a film.", "the switch")
    expect.equal(m.sim.record(), [], "writes")
    expect.same(before, m.snapshot(), "after the refusal")
    expect.true(g.plan(DISPLAY, "guest"), "a plan changes nothing, and is not refused")
    status, out, _ = m.ctl("explain", DISPLAY)
    expect.equal(status, 1, "exit status of explain")
    expect.true("held back by 'farm'" in out, f"explain names who: {out}")
    expect.done(g.switch(DISPLAY2, "ToGuest"), "the other card")
    farm.release()
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")

    every = Inhibitor(m, "every", "block")
    for address in DISPLAY, DISPLAY2:
        expect.refused(g.switch(address, "ToHost"), "'every'", f"{address} home by hand")
    every.release()
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.same(before, m.snapshot(), "after the way home")
    expect.equal(told(g), [], "who only blocks waits for nothing")


@scenario()
def inhibit_blocks_no_way_home(m, g):
    """Nothing else would bring the card back behind its machine."""
    before = m.snapshot()
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    farm = Inhibitor(m, "farm", "block")
    expect.done(g.release(UUID), "ReleaseDomain")
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "after the way home")
    farm.release()


@scenario()
def inhibit_block_where_nothing_moves(m, g):
    """A card that is with the guests already is not switched by a start."""
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    farm = Inhibitor(m, "farm", "block")
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    farm.release()


@scenario()
def inhibit_delay(m, g):
    """The switch waits before its first step, and goes on when it is let go."""
    before = m.snapshot()
    for direction, method in ("guest", "ToGuest"), ("host", "ToHost"):
        desk = Inhibitor(m, f"desk-{direction}", "delay", "--gpu", DISPLAY)
        first = len(m.sim.record())
        g.bus.signals.clear()
        call = g.start(DISPLAY, method)
        wait_told(g, DISPLAY, direction, True)
        shown = dict(g.properties(DISPLAY)["Operation"])
        expect.equal(shown["description"], f"wait for 'desk-{direction}' (pid {desk.process.pid}, user 0)", "what is shown")
        expect.equal(m.sim.record(first), [], "writes while it waits")
        expect.true(not g.bus.done(call), "no answer yet")
        desk.release()
        expect.done(g.finish(call), method)
        wait_told(g, DISPLAY, direction, False)
    expect.same(before, m.snapshot(), "after both ways")
    expect.true("has not let go" not in m.log(), "nobody was given up")
    expect.unharmed(m)


@scenario(shim=True)
def inhibit_delay_ends(m, g):
    """Who does not let go is waited for 5 seconds, and not a second time; a start of a virtual machine and its way home."""
    before = m.snapshot()
    one = Inhibitor(m, "one", "delay")
    two = Inhibitor(m, "two", "delay", "--gpu", DISPLAY)
    call = g.bus.start("org.gpuswitch1", "/org/gpuswitch1", "org.gpuswitch1.Manager", "PrepareDomain", "ssas", UUID, "vm",
                       [DISPLAY])
    wait_told(g, DISPLAY, "guest", True)
    two.release()
    m.advance(4)
    expect.equal(g.properties(DISPLAY)["Owner"], "switching", "owner before the time is over")
    expect.equal(m.sim.record(), [], "writes before the time is over")
    m.advance(1.1)
    expect.done(g.finish(call), "PrepareDomain")
    expect.true("'one' (pid" in m.log() and "has not let go in time" in m.log(), "the journal names who")
    expect.done(g.release(UUID), "ReleaseDomain")
    wait_told(g, DISPLAY, "host", True)
    m.advance(5.1)
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "after the way home")
    one.release()


@scenario()
def inhibit_delay_of_what_is_refused(m, g):
    """Nobody lets his screen go for a switch that is refused anyway."""
    desk = Inhibitor(m, "desk", "delay")
    m.sim.command("machine", "lockdown", 1)
    g.bus.signals.clear()
    expect.refused(g.switch(DISPLAY, "ToGuest"), "lock", "to the guest")
    expect.equal(told(g), [], "signals")
    m.sim.command("machine", "lockdown", 0)

    # And what has changed while it was waited for counts.
    call = g.start(DISPLAY, "ToGuest")
    wait_told(g, DISPLAY, "guest", True)
    m.sim.command("machine", "lockdown", 1)
    desk.release()
    expect.refused(g.finish(call), "lock", "to the guest, planned again")
    wait_told(g, DISPLAY, "guest", False)
    expect.equal(m.sim.record(), [], "writes")


@scenario(shim=True)
def inhibit_delays_no_undo(m, g):
    """All or none: the card that has arrived goes back at once when the other one does not."""
    before = m.snapshot(1), m.snapshot(2)
    m.sim.fault("no", "refuse", DISPLAY2, "bind", value="vfio-pci", errno=19)
    m.sim.fault("slow", "hold", DISPLAY2, "unbind")
    desk = Inhibitor(m, "desk", "delay")
    call = g.bus.start("org.gpuswitch1", "/org/gpuswitch1", "org.gpuswitch1.Manager", "PrepareDomain", "ssas", UUID, "vm",
                       [DISPLAY, DISPLAY2])
    wait_told(g, DISPLAY, "guest", True)
    wait_told(g, DISPLAY2, "guest", True)
    m.advance(5.1)
    m.sim.wait_hit("slow")
    wait_told(g, DISPLAY, "guest", False)  # it has arrived
    expect.equal(m.snapshot(1)[DISPLAY]["driver"], "vfio-pci", "driver of the first card")
    m.sim.release("slow")
    expect.refused(g.finish(call), "No such device", "PrepareDomain")
    heard = told(g)
    for address in DISPLAY, DISPLAY2:
        g.wait(address, lambda p: p["Owner"] == "host", "both at home")
        heard += told(g)
    expect.true(all(direction == "guest" for _, direction, _ in heard), f"the way back was delayed: {heard}")
    expect.true(m.log().count("has not let go") == 2, "nobody is waited for on the way back")
    expect.same(before[0], m.snapshot(1), "first card")
    expect.same(before[1], m.snapshot(2), "second card")
    desk.release()


@scenario(shim=True)
def inhibit_delay_and_the_daemon_ends(m, g):
    """Nothing has begun, so the next daemon has nothing to undo; whoever held it back is told."""
    before = m.snapshot()
    desk = Inhibitor(m, "desk", "delay")
    g.start(DISPLAY, "ToGuest")
    wait_told(g, DISPLAY, "guest", True)
    m.stop_daemon()
    expect.equal(desk.process.stderr.readline(),
                 "gpuswitchd has ended: nothing is held back any more, the command goes on\n", "what is told")
    m.start_daemon()
    expect.equal(g.wait_idle(DISPLAY)["Owner"], "host", "owner")
    expect.same(before, m.snapshot(), "after the restart")
    desk.release()
