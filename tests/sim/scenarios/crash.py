# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The crash matrix: the daemon killed with SIGKILL at every place of every way, and started again; and its helper killed.

A scenario is who is killed, a temper of the card, a way, and whether something fails on it. Its cells are the places of
death: before and after each commit and each request to the helper, after each reply; of a helper: before and after each request,
write and reply. How many there are is counted in a run that nobody cuts off, so that a longer plan has more cells. A cell can be
run alone by its name, SCENARIO/CELL.

  -eio       each write of the way is refused in turn, and the places are those of the way back (or of the rest of the way home)
  -eio-next  whatever the next daemon writes first is refused
  -fellow    three devices of other slots go along by policy

What has to be true in every cell, however the daemon comes to it:
- the card is whole: all of it (drivers, overrides, power settings, resets, BARs) as at home, or all of it as with the guest;
- and that side fits the claims and what the caller was told: see SIDES. Where nobody waits and no claim is on record: home;
- at rest, not stuck, no record left in the store;
- the reset state that is claimed is not better than the truth, and `failed` only after a reset that was refused;
- no bus reset in prefail, no bind with wiped BARs;
- then a way home (which is nothing where it is at home), one more way to the guest, a guest, and a way home, all of it.
What was refused may be missing until that way home, and nothing else.
"""

import os
import select
import sqlite3
import time
import zlib
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
PLACES = {
    "crash": [("commit", "before"), ("commit", "after"), ("send", "before"), ("send", "after"), ("receive", "after")],
    "helper": [("request", "after"), ("write", "before"), ("write", "after"), ("answer", "before"), ("answer", "after")],
}
# Without --whole, one cell of so many is run, always the same ones.
SHARES = {"": 4, "-eio": 40, "-eio-next": 12, "-fellow": 40}
FELLOW_CARDS, FELLOW_SLOTS = ("polaris", "pascal", "nvme", "wireless", "nic"), (3, 4, 5)
ATTRIBUTES = {"driver_override": "override", "power/control": "control", "d3cold_allowed": "d3cold"}

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


def differences(now, side, excused=()):
    return [f"{key} of {name} is '{now[name][key]}', not '{value}'"
            for name, values in side.items() for key, value in values.items()
            if now[name][key] != value and (name, key) not in excused]


def records():
    store = sqlite3.connect(f"file:{STORE}?mode=ro", uri=True)
    try:
        return store.execute("SELECT id, undoing, started FROM operation").fetchall()
    finally:
        store.close()


class Matrix:
    """One machine in which cell after cell is run."""

    def __init__(self, m, g, who, temper, way, kind):
        self.m, self.g, self.who, self.way, self.name, self.kind = m, g, who, WAYS[way], way, kind
        self.slots = (1,)
        if kind == "-fellow":
            self.slots += FELLOW_SLOTS
            m.write_policy({"match": {"address": DISPLAY}, "with": [f"0000:{slot:02x}:00.0" for slot in FELLOW_SLOTS]})
            g.reload()
        m.sim.command("set", 1, "temper", temper)
        self.home = self.snapshot()
        # A card that has been there and back: its state is the one that most can go wrong with.
        expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
        self.guest = self.snapshot()
        expect.true(all(self.guest[name]["driver"] != values["driver"] for name, values in self.home.items()), "somebody stays at home")
        expect.done(g.switch(DISPLAY, "ToHost"), "home")
        expect.equal(differences(self.snapshot(), self.home), [], "at home")

    def snapshot(self):
        return self.m.snapshot(*self.slots)

    # --- the way

    def begin(self, step=None, do="refuse"):
        self.way.begin(self.m, self.g)
        if step:
            self.m.sim.fault(do, do, step.function, step.file, value=step.value, errno=EIO)

    def end(self, call):
        """Up to the way's end or the daemon's. Returns "done", "refused" or "cut"."""
        error = self.g.finish(call)
        self.g.wait(DISPLAY, lambda p: p is None or p["Owner"] != "switching", "the end of the way")
        if error is None:
            return "done"
        return "cut" if error.name in CUT_OFF else "refused"

    def forget(self, step, do="refuse"):
        if step:
            self.m.sim.command("forget", do)

    def finish(self):
        """Home, from where the way has ended."""
        if self.name == "prepare":
            expect.done(self.g.release(UUID), "ReleaseDomain")
        self.g.wait_idle(DISPLAY)
        self.look_again()
        expect.done(self.g.switch(DISPLAY, "ToHost"), "home")

    def measure(self, step=None):
        """How often each point is passed before the fault, and in all."""
        before = dict.fromkeys(self.m.page.counters(), 0)
        for do in ("hold", "refuse") if step else ("refuse",):
            self.begin(step, do)
            self.m.page.reset_counters()
            call = self.way.go(self.g)
            if do == "hold":
                self.m.sim.wait_hit(do)
                before = self.m.page.counters()
                self.m.sim.release(do, EIO)
            told = self.end(call)
            expect.true(step or told == "done", f"{self.name}: {told}")
            after = self.m.page.counters()
            self.forget(step, do)
            self.finish()
        return before, after

    # --- a death on it

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

    def cut(self, point, when, number, step):
        """The way with that death in it, up to rest. Returns what the caller was told; None: it did not come to it."""
        self.begin(step)
        self.m.page.kill(point, when, number)
        told = self.end(self.way.go(self.g))
        struck = self.m.page.struck()
        self.m.page.spare()
        if struck and self.who == "crash":
            expect.equal(self.m.wait_daemon(), -9, "the end of the daemon")
            if self.kind == "-eio-next":
                self.helpers_gone()
                self.m.sim.fault("next", "refuse", errno=EIO)
            self.m.start_daemon(shim=True)
        self.g.wait_idle(DISPLAY)
        self.forget(step)
        if struck and self.kind == "-eio-next":
            self.m.sim.command("forget", "next")
        return told if struck else None

    # --- what has to be true

    def allowed(self, told, step):
        """Sides and claims; and what may not be as it is there."""
        if step is None:
            return SIDES[self.name][told], ()
        if self.way.direction == "guest":
            return [("home", "")], ()
        if step.place == "tail":
            keys = {ATTRIBUTES.get(step.file, "driver"), "driver", "override"}
            return [("home", "")], [(step.function, key) for key in keys]
        # The claim has ended when the way home begins, and is not taken up again by its undo.
        return [("home", ""), ("guest", "")], ()

    def judge(self, told, step):
        shown = self.g.wait_idle(DISPLAY)
        expect.true(not shown["Stuck"], f"stuck: {shown['StuckReason']}")
        expect.explained(self.m, self.g, DISPLAY)
        expect.unharmed(self.m)
        expect.equal(records(), [], "records in the store")
        self.judge_state(shown["ResetState"], step)
        claim = "domain" if shown["Domain"] else "hand" if shown["LeasedByHand"] else ""
        if self.kind == "-eio-next":
            return claim
        sides, excused = self.allowed(told, step)
        now = self.snapshot()
        off = {"home": differences(now, self.home, excused), "guest": differences(now, self.guest, excused)}
        side = "home" if not off["home"] else "guest" if not off["guest"] else None
        expect.true(side, f"neither at home nor with the guest: {off['home']}; {off['guest']}")
        expect.true((side, claim) in sides, f"the way was {told}, and the card is with side '{side}', claim '{claim}'")
        return claim

    def judge_state(self, told, step):
        truth = self.m.sim.card(1)["state"]
        expect.true(truth != "failed", "the card is lost")
        expect.true(truth != "touched" or told != "fresh", f"the card is {truth}, and the daemon says {told}")
        expect.true(told != "failed" or (step and step.place == "reset"), f"the card is {truth}, and the daemon says {told}")

    def settle(self, claim):
        """What libvirt and virtwatch do afterwards."""
        if self.name == "prepare":
            expect.done(self.g.release(UUID), "ReleaseDomain")
        elif claim == "domain":
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self.g.bus.call(NAME, ROOT, MANAGER, "SyncDomains", "ta(ssas)", now, [])
        if claim == "domain":
            shown = self.g.wait_idle(DISPLAY)
            expect.equal(differences(self.snapshot(), self.home), [], "after the release")
            expect.true(not shown["Domain"] and not shown["LeasedByHand"], "somebody has a claim after the release")

    def look_again(self):
        """A card in state failed that answers is let go on as unknown, by hand."""
        if self.g.properties(DISPLAY)["ResetState"] == "failed":
            expect.done(self.g.switch(DISPLAY, "Recover"), "Recover")

    def once_more(self):
        self.look_again()
        expect.done(self.g.switch(DISPLAY, "ToHost"), "home")
        expect.equal(differences(self.snapshot(), self.home), [], "at home")
        expect.done(self.g.switch(DISPLAY, "ToGuest"), "to the guest once more")
        expect.equal(differences(self.snapshot(), self.guest), [], "with the guest")
        self.m.sim.command("guest", "start", 1)
        self.m.sim.command("guest", "stop", 1)
        expect.done(self.g.switch(DISPLAY, "ToHost"), "home once more")
        expect.equal(differences(self.snapshot(), self.home), [], "at home once more")
        expect.unharmed(self.m)

    def cell(self, point, when, number, step):
        """Returns False when the way has not passed that point so often this time."""
        told = self.cut(point, when, number, step)
        if told is None:
            self.finish()
            return False
        self.settle(self.judge(told, step))
        self.once_more()
        return True

    # --- all of them

    def cells(self):
        """name: arguments of cell()."""
        found = {}
        for step in STEPS[self.way.direction] if self.kind == "-eio" else [None]:
            before, after = self.measure(step)
            for point, when in PLACES[self.who]:
                for n in range(before[point] + 1, after[point] + 1):
                    name = f"{step.name}-{point}-{when}-{n}" if step else f"{point}-{when}-{n}"
                    found[name] = (point, when, n, step)
        return found

    def mend(self):
        """A cell has failed: the machine is put in order by hand, and the next one begins with a daemon that knows nothing."""
        if self.m.daemon.poll() is None:
            self.m.kill_daemon()
        self.m.page.spare()
        self.helpers_gone()
        for name in "refuse", "next":
            try:
                self.m.sim.command("forget", name)
            except Failure:
                continue
        for end in "", "-wal", "-shm":
            Path(STORE + end).unlink(missing_ok=True)
        self.m.truncate_log()
        for name, values in self.home.items():
            folder = f"/sys/bus/pci/devices/{name}"
            write(f"{folder}/driver_override", values["override"] + "\n")
            if self.snapshot()[name]["driver"] != values["driver"]:
                if os.path.exists(f"{folder}/driver"):
                    write(f"{folder}/driver/unbind", name)
                write(f"/sys/bus/pci/drivers/{values['driver']}/bind", name)
            write(f"{folder}/power/control", values["control"])
            write(f"{folder}/d3cold_allowed", values["d3cold"])
            if os.path.exists(f"{folder}/reset_method"):
                write(f"{folder}/reset_method", values["reset_method"].replace(",", " ") + "\n")
        self.m.start_daemon(shim=True)
        self.g.wait_idle(DISPLAY)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def make(who, temper, way, kind):
    def run(m, g):
        matrix = Matrix(m, g, who, temper, way, kind)
        cells = matrix.cells()
        if m.cell:
            chosen = {m.cell: cells[m.cell]}
        else:
            chosen = {name: cell for name, cell in cells.items()
                      if m.whole or zlib.crc32(f"{m.name}/{name}".encode()) % SHARES[kind] == 0}
        failed, missed = [], []
        for name, cell in chosen.items():
            m.truncate_log()
            try:
                if not matrix.cell(*cell):
                    missed.append(name)
            except (Failure, BusError, OSError, TimeoutError) as failure:
                print(f"cell {m.name}/{name} failed: {failure}\n--- gpuswitchd\n{m.log()}", flush=True)
                failed.append(name)
                matrix.mend()
        print(f"{len(chosen) - len(missed)} of {len(cells)} cells were run; not reached: {missed}")
        expect.equal(failed, [], "cells that failed")
        expect.true(len(missed) <= 2 + len(chosen) // 20, f"{len(missed)} places were not reached")
    return run


for one_who, kinds in ("crash", ("", "-eio", "-eio-next")), ("helper", ("", "-eio")):
    for one_temper in "strict", "armed":
        for one_way in WAYS:
            for one_kind in kinds:
                add(f"{one_who}-{one_temper}-{one_way}{one_kind}", make(one_who, one_temper, one_way, one_kind), shim=True,
                    timeout=7200)
    for one_way in WAYS:
        add(f"{one_who}-strict-{one_way}-fellow", make(one_who, "strict", one_way, "-fellow"), cards=FELLOW_CARDS, shim=True, timeout=7200)
