# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Every write of both ways, and everything that can go wrong with it. A name is FAULT-to-DIRECTION-STEP.

What has to be true whatever happens: the caller is answered; the daemon shows what is; no bus reset in prefail; the other card
switches. What has to be true of each fault is in its function.
"""

import errno
import os
import signal

from simlib import expect
from simlib.machine import DISPLAY, DISPLAY2
from simlib.plan_steps import METHOD, STEPS, is_of
from simlib.runner import add, scenario

LATE = 3  # seconds behind a deadline


def begin(m, g, direction):
    """To where the way begins. Returns (home, snapshot of there)."""
    home = m.snapshot()
    if direction == "host":
        expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    return home, m.snapshot()


def set_fault(m, step, do, **more):
    m.sim.fault("fault", do, step.function, step.file, value=step.value, **more)


def other_card_switches(m, g):
    before = m.snapshot(2)
    expect.done(g.switch(DISPLAY2, "ToGuest"), "the other card to the guest")
    expect.done(g.switch(DISPLAY2, "ToHost"), "the other card home")
    expect.same(before, m.snapshot(2), "the other card")


def end(m, g):
    g.wait_idle(DISPLAY) if m.sim.state()["functions"][DISPLAY]["present"] == "1" else None
    expect.unharmed(m)
    expect.explained(m, g, DISPLAY)
    other_card_switches(m, g)


def refuse(error):
    def run(m, g, direction, step):
        home, start = begin(m, g, direction)
        set_fault(m, step, "refuse", errno=error)
        reply = g.switch(DISPLAY, METHOD[direction])
        expect.refused(reply, "failed" if step.place == "reset" else os.strerror(error), f"to the {direction}")
        shown = g.wait_idle(DISPLAY)
        if step.place == "reset":
            # Whether the hardware has got the reset is not known: no good state is claimed, and the reason is told.
            expect.equal(shown["ResetState"], "failed", "reset state")
            expect.true(os.strerror(error) in shown["Reason"], shown["Reason"])
            expect.refused(g.switch(DISPLAY, "ToGuest"), "failed", "to the guest")
        now = m.snapshot()
        if step.place == "tail":
            # All but what was refused is as at home.
            key = {"driver_override": "override", "power/control": "control", "d3cold_allowed": "d3cold"}.get(step.file, "driver")
            for name in home:
                for what in home[name]:
                    if name != step.function or what not in (key, "driver", "override"):
                        expect.equal(now[name][what], home[name][what], f"{what} of {name}")
            expect.equal(now[DISPLAY]["driver"], "amdgpu", "driver of the display function")
        else:
            expect.same(start, now, "after the undo")
        end(m, g)
        look_again(g)
        expect.done(g.switch(DISPLAY, METHOD[direction]), f"to the {direction} once more")
    return run


def look_again(g):
    """A card in state failed that answers is let go on as unknown, by hand."""
    if g.properties(DISPLAY)["ResetState"] == "failed":
        expect.done(g.switch(DISPLAY, "Recover"), "Recover")
        expect.equal(g.properties(DISPLAY)["ResetState"], "unknown", "reset state")


def delay(m, g, direction, step):
    """It takes its time, and then it works."""
    home, _ = begin(m, g, direction)
    set_fault(m, step, "hold")
    call = g.start(DISPLAY, METHOD[direction])
    m.sim.wait_hit("fault")
    other_card_switches(m, g)
    expect.equal(g.properties(DISPLAY)["Owner"], "switching", "owner meanwhile")
    m.sim.release("fault")
    expect.done(g.finish(call), f"to the {direction}")
    if direction == "host":
        expect.same(home, m.snapshot(), "at home")
    end(m, g)


def become_stuck(m, g, direction, step):
    set_fault(m, step, "hold")
    call = g.start(DISPLAY, METHOD[direction])
    m.sim.wait_hit("fault")
    m.advance(step.seconds + LATE)
    error = g.finish(call)
    expect.refused(error, "stuck", f"to the {direction}")
    shown = g.wait_stuck(DISPLAY)
    expect.true(step.function in shown["StuckReason"] and "helper pid" in shown["StuckReason"], shown["StuckReason"])
    return shown


def stay_stuck(m, g):
    """Refused, and the other card switches."""
    for method in "ToGuest", "ToHost":
        expect.refused(g.switch(DISPLAY, method), "stuck", f"{method} of a stuck card")
    other_card_switches(m, g)


def come_to_rest(m, g, direction, step, home, start):
    """A hang that ends: the switch is undone, or the card goes home, all of it."""
    g.wait_stuck(DISPLAY, False)
    g.wait_idle(DISPLAY)
    now = m.snapshot()
    expect.true(now in (home, start), f"neither at home nor as before:\n{now}\nhome: {home}\nbefore: {start}")
    end(m, g)


def hang(m, g, direction, step):
    home, start = begin(m, g, direction)
    become_stuck(m, g, direction, step)
    stay_stuck(m, g)
    m.sim.release("fault")
    come_to_rest(m, g, direction, step, home, start)


def hang_killed(m, g, direction, step):
    """Its helper gets SIGKILL while it hangs: in state D it does not end before the kernel lets it go."""
    home, start = begin(m, g, direction)
    become_stuck(m, g, direction, step)
    helper, = m.helpers()
    os.kill(helper, signal.SIGKILL)
    stay_stuck(m, g)
    expect.equal(m.helpers(), [helper], "helpers")
    m.sim.release("fault")
    come_to_rest(m, g, direction, step, home, start)


def hang_restarted(m, g, direction, step):
    """A daemon that is stopped does not wait for it, and the next one finds the helper again."""
    home, start = begin(m, g, direction)
    become_stuck(m, g, direction, step)
    m.stop_daemon()
    m.start_daemon(shim=True)
    # Its connection to the bus has deadlines as well.
    g.wait(DISPLAY, lambda p: p is not None, "the card on the bus")
    m.advance(step.seconds + LATE)
    shown = g.wait_stuck(DISPLAY)
    expect.true("helper pid" in shown["StuckReason"], shown["StuckReason"])
    stay_stuck(m, g)
    m.sim.release("fault")
    come_to_rest(m, g, direction, step, home, start)


def dead(m, g, direction, step):
    """All ones from this write on: whoever asks next is refused with that reason, and no driver is bound again."""
    begin(m, g, direction)
    set_fault(m, step, "dead")
    g.switch(DISPLAY, METHOD[direction])
    g.wait_idle(DISPLAY)
    for method in "ToGuest", "ToHost":
        error = g.switch(DISPLAY, method)
        if error is not None:
            expect.refused(error, "", method)
    binds = m.sim.card(1)["binds"]
    expect.refused(g.switch(DISPLAY, "ToGuest"), "all ones", "to the guest")
    expect.equal(g.properties(DISPLAY)["ResetState"], "failed", "reset state")
    expect.equal(g.properties(DISPLAY)["Owner"], "none", "owner")
    expect.equal(m.sim.card(1)["binds"], binds, "binds of the host driver")
    end(m, g)


def rescan():
    with open("/sys/bus/pci/rescan", "w") as file:
        file.write("1")


def vanish(do):
    def run(m, g, direction, step):
        """Gone in mid-step; found again, it can be switched as ever."""
        begin(m, g, direction)
        set_fault(m, step, do)
        error = g.switch(DISPLAY, METHOD[direction])
        display_gone = do == "vanish-card" or step.function == DISPLAY
        g.wait(DISPLAY, lambda p: p is None if display_gone else p["Owner"] != "switching" and len(p["Functions"]) == 1,
               "the function to go")
        if step.place != "tail" and not step.name.startswith("power-"):
            expect.refused(error, "", f"to the {direction}")
        end(m, g)
        rescan()
        g.wait(DISPLAY, lambda p: p is not None and len(p["Functions"]) == 2 and p["Owner"] != "switching", "both functions again")
        look_again(g)
        for method in "ToHost", "ToGuest", "ToHost":
            expect.done(g.switch(DISPLAY, method), method)
        end(m, g)
    return run


FAULTS = {
    "refuse-eio": (refuse(errno.EIO), False),
    "refuse-ebusy": (refuse(errno.EBUSY), False),
    "delay": (delay, False),
    "hang": (hang, True),
    "hang-killed": (hang_killed, True),
    "hang-restarted": (hang_restarted, True),
    "dead": (dead, False),
    "vanish": (vanish("vanish"), False),
    "vanish-card": (vanish("vanish-card"), False),
}


def make(call, direction, step):
    return lambda m, g: call(m, g, direction, step)


for fault_name, (fault_call, needs_clock) in FAULTS.items():
    for way, steps in STEPS.items():
        for one in steps:
            add(f"{fault_name}-to-{way}-{one.name}", make(fault_call, way, one), shim=needs_clock)


@scenario()
def tables_are_whole(m, g):
    """The steps above are the writes of the real plans: each is in them, in this order, and no other is."""
    for direction, steps in STEPS.items():
        first = len(m.sim.record())
        expect.done(g.switch(DISPLAY, METHOD[direction]), direction)
        rest = list(steps)
        for line in m.sim.record(first):
            if rest and is_of(rest[0], line):
                rest.pop(0)
            elif line[1] != "config":
                expect.true(False, f"the way to the {direction} has a write that is not in the table: {line}")
        expect.equal(rest, [], f"steps that the way to the {direction} does not have")
