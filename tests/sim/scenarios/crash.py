# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The crash matrix: the daemon killed with SIGKILL at every place of every way, and started again.

A scenario is a temper of the card, a way and a fault; its cells are the places of death: before and after each commit and
each request to the helper, after each reply. How many there are is counted in a run that nobody cuts off, so that a longer plan
has more cells. A cell is named SCENARIO/N, and can be run alone by that name.

What has to be true in every cell, however the daemon comes to it:
- the card is whole: all of it (drivers, overrides, power settings, BARs) as at home, or all of it as with the guest;
- and that side fits the claims and the answer: see SIDES. Where nobody waits and no claim is on record, that is home;
- at rest, not stuck, no record left in the store;
- the reset state that is claimed is not better than the truth, `failed` only after a reset that was refused;
- no bus reset in prefail, no bind with wiped BARs;
- then one more way to the guest, a guest, and a way home, all of it.
"""

import os
import select
import sqlite3
import time
from collections import namedtuple
from pathlib import Path

from simlib import expect
from simlib.bus import BusError
from simlib.gpuswitch import MANAGER, NAME, ROOT
from simlib.machine import DISPLAY, Failure
from simlib.plan_steps import STEPS
from simlib.runner import add

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
STORE = "/var/lib/gpuswitch/gpuswitch.db"
EIO = 5
PLACES = ("commit", "before"), ("commit", "after"), ("send", "before"), ("send", "after"), ("receive", "after")

Way = namedtuple("Way", "direction begin go")

# (side, claim) that may be left by a way: when it was said to be done, when it was refused, when it was cut off. Nothing else is right.
SIDES = {
    "to-guest": {"done": [("guest", "hand")], "refused": [("home", "")], "cut": [("home", ""), ("guest", "hand")]},
    "prepare": {"done": [("guest", "domain")], "refused": [("home", "")], "cut": [("home", ""), ("guest", "domain")]},
    "to-host": {"done": [("home", "")], "refused": [("guest", "hand")], "cut": [("home", ""), ("guest", "hand")]},
    # Answered before anything is done: whoever dies before it is on record has it told again by virtwatch's list.
    "release": {"done": [("home", ""), ("guest", "domain")], "cut": [("home", ""), ("guest", "domain")]},
}


def prepared(m, g):
    expect.done(g.prepare(UUID, "win11", DISPLAY), "PrepareDomain")
    m.sim.command("guest", "start", 1)
    m.sim.command("guest", "stop", 1)


WAYS = {
    "to-guest": Way("guest", lambda m, g: None, lambda g: g.start(DISPLAY, "ToGuest")),
    "to-host": Way("host", lambda m, g: expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest"),
                   lambda g: g.start(DISPLAY, "ToHost")),
    "prepare": Way("guest", lambda m, g: None,
                   lambda g: g.bus.start(NAME, ROOT, MANAGER, "PrepareDomain", "ssas", UUID, "win11", [DISPLAY])),
    "release": Way("host", prepared,
                   lambda g: g.bus.start(NAME, ROOT, MANAGER, "ReleaseDomain", "ss", UUID, "destroyed")),
}
CUT_OFF = ("org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.ServiceUnknown")


def differences(now, side):
    return [f"{key} of {name} is '{now[name][key]}', not '{value}'"
            for name, values in side.items() for key, value in values.items() if now[name][key] != value]


def records():
    store = sqlite3.connect(f"file:{STORE}?mode=ro", uri=True)
    try:
        return store.execute("SELECT id, undoing, started FROM operation").fetchall()
    finally:
        store.close()


class Matrix:
    """One machine in which cell after cell is run."""

    def __init__(self, m, g, temper, way):
        self.m, self.g, self.way, self.name = m, g, WAYS[way], way
        m.sim.command("set", 1, "temper", temper)
        self.home = m.snapshot()
        # A card that has been there and back: its state is the one that most can go wrong with.
        expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
        self.guest = m.snapshot()
        expect.done(g.switch(DISPLAY, "ToHost"), "home")
        expect.equal(differences(m.snapshot(), self.home), [], "at home")

    def go(self):
        """The way, up to its end or the daemon's. Returns "done", "refused" or "cut"."""
        error = self.g.finish(self.way.go(self.g))
        self.g.wait(DISPLAY, lambda p: p is None or p["Owner"] != "switching", "the end of the way")
        if error is None:
            return "done"
        return "cut" if error.name in CUT_OFF else "refused"

    def measure(self):
        """How often each point is passed."""
        self.way.begin(self.m, self.g)
        self.m.page.reset_counters()
        expect.equal(self.go(), "done", self.name)
        counters = self.m.page.counters()
        self.finish()
        return counters

    def finish(self):
        """Home, from where the way has ended."""
        if self.name == "prepare":
            expect.done(self.g.release(UUID), "ReleaseDomain")
        self.g.wait_idle(DISPLAY)
        expect.done(self.g.switch(DISPLAY, "ToHost"), "home")

    def helpers_gone(self):
        """A helper ends after the step in hand when its daemon has died."""
        for pid in self.m.helpers():
            try:
                pidfd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            if not select.select([pidfd], [], [], 60)[0]:
                raise Failure(f"helper {pid} does not end")
            os.close(pidfd)

    def cut(self, point, when, number):
        """The way, with that death in it, and the next daemon at rest. Returns what the caller was told, None: it did not come to it."""
        self.way.begin(self.m, self.g)
        self.m.page.kill(point, when, number)
        told = self.go()
        struck = self.m.page.struck()
        self.m.page.spare()
        if struck:
            expect.equal(self.m.wait_daemon(), -9, "the end of the daemon")
            self.m.start_daemon(shim=True)
        self.g.wait_idle(DISPLAY)
        return told if struck else None

    def judge(self, told):
        shown = self.g.wait_idle(DISPLAY)
        expect.true(not shown["Stuck"], f"stuck: {shown['StuckReason']}")
        expect.explained(self.m, self.g, DISPLAY)
        expect.unharmed(self.m)
        expect.equal(records(), [], "records in the store")
        self.judge_state(shown["ResetState"])
        now = self.m.snapshot()
        off = {"home": differences(now, self.home), "guest": differences(now, self.guest)}
        side = "home" if not off["home"] else "guest" if not off["guest"] else None
        expect.true(side, f"neither at home nor with the guest: {off['home']}; {off['guest']}")
        claim = "domain" if shown["Domain"] else "hand" if shown["LeasedByHand"] else ""
        expect.true((side, claim) in SIDES[self.name][told],
                    f"the way was {told}, and the card is with side '{side}', claim '{claim}'")
        return claim

    def judge_state(self, told):
        truth = self.m.sim.card(1)["state"]
        expect.true(truth != "failed", "the card is lost")
        expect.true(truth != "touched" or told != "fresh", f"the card is {truth}, and the daemon says {told}")
        expect.true(told != "failed", f"the card is {truth}, and the daemon says {told}")

    def settle(self, claim):
        """What libvirt and virtwatch do afterwards."""
        if self.name == "prepare":
            expect.done(self.g.release(UUID), "ReleaseDomain")
        elif claim == "domain":
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self.g.bus.call(NAME, ROOT, MANAGER, "SyncDomains", "ta(ssas)", now, [])
        if self.name in ("prepare", "release"):
            shown = self.g.wait_idle(DISPLAY)
            expect.equal(differences(self.m.snapshot(), self.home), [], "after the release")
            expect.true(not shown["Domain"] and not shown["LeasedByHand"], "nobody has a claim after the release")

    def once_more(self):
        expect.done(self.g.switch(DISPLAY, "ToHost"), "home")
        expect.equal(differences(self.m.snapshot(), self.home), [], "at home")
        expect.done(self.g.switch(DISPLAY, "ToGuest"), "to the guest once more")
        expect.equal(differences(self.m.snapshot(), self.guest), [], "with the guest")
        self.m.sim.command("guest", "start", 1)
        self.m.sim.command("guest", "stop", 1)
        expect.done(self.g.switch(DISPLAY, "ToHost"), "home once more")
        expect.equal(differences(self.m.snapshot(), self.home), [], "at home once more")
        expect.unharmed(self.m)

    def cell(self, point, when, number):
        """Returns False when the way does not pass that point so often."""
        told = self.cut(point, when, number)
        if told is None:
            self.finish()
            return False
        self.settle(self.judge(told))
        self.once_more()
        return True


    def mend(self):
        """A cell has failed: the machine is put in order by hand, and the next one begins with a daemon that knows nothing."""
        if self.m.daemon.poll() is None:
            self.m.kill_daemon()
        self.m.page.spare()
        self.helpers_gone()
        for end in "", "-wal", "-shm":
            Path(STORE + end).unlink(missing_ok=True)
        self.m.truncate_log()
        for name, values in self.home.items():
            folder = f"/sys/bus/pci/devices/{name}"
            write(f"{folder}/driver_override", values["override"] + "\n")
            if self.m.snapshot()[name]["driver"] != values["driver"]:
                if os.path.exists(f"{folder}/driver"):
                    write(f"{folder}/driver/unbind", name)
                write(f"/sys/bus/pci/drivers/{values['driver']}/bind", name)
            write(f"{folder}/power/control", values["control"])
            write(f"{folder}/d3cold_allowed", values["d3cold"])
        self.m.start_daemon(shim=True)
        self.g.wait_idle(DISPLAY)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def crash(temper, way, point, when):
    def run(m, g):
        matrix = Matrix(m, g, temper, way)
        n, failed, missed = matrix.measure()[point], [], 0
        for cell in range(1, n + 1) if m.cell is None else [int(m.cell)]:
            m.truncate_log()
            try:
                missed += not matrix.cell(point, when, cell)
            except (Failure, BusError) as failure:
                print(f"cell {m.name}/{cell} failed: {failure}\n--- gpuswitchd\n{m.log()}")
                failed.append(cell)
                matrix.mend()
        print(f"{n} cells, {missed} not reached")
        expect.equal(failed, [], "cells that failed")
    return run


for one_temper in "strict", "armed":
    for one_way in WAYS:
        for one_point, one_when in PLACES:
            add(f"crash-{one_temper}-{one_way}-{one_when}-{one_point}", crash(one_temper, one_way, one_point, one_when), shim=True,
                timeout=600)
