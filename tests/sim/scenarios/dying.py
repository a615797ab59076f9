# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The helper is killed at every point of a switch, and the store refuses every commit of one: a way to the guest is put back, or
was not begun; a way home and a way back go on with another helper.
"""

import errno
import sqlite3

from simlib import expect
from simlib.machine import DISPLAY
from simlib.runner import add

STORE = "/var/lib/gpuswitch/gpuswitch.db"
POINTS = [(point, when) for point in ("request", "write", "answer") for when in ("before", "after")]


def records():
    with sqlite3.connect(f"file:{STORE}?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM operation").fetchone()[0]


def passings(m, g, direction):
    """How often each point is passed on the way, from a machine with the card at home, and back there."""
    if direction == "host":
        expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    m.page.reset_counters()
    expect.done(g.switch(DISPLAY, "ToGuest" if direction == "guest" else "ToHost"), f"to the {direction}")
    counters = m.page.counters()
    if direction == "guest":
        expect.done(g.switch(DISPLAY, "ToHost"), "home")
    return counters


def restarted(m, **more):
    """The daemon, anew. Returns how many commits its start took."""
    m.stop_daemon()
    m.page.reset_counters()
    m.start_daemon(shim=True, **more)
    return m.page.counters()["commit"]


METHOD = {"guest": "ToGuest", "host": "ToHost"}


def helper_killed(direction, point, when):
    def run(m, g):
        home = m.snapshot()
        n_passings = passings(m, g, direction)[point]
        expect.true(n_passings > 4, f"{n_passings} passings of {point}")
        for n in range(1, n_passings + 1):
            place = f"{point}:{when}:{n}"
            if direction == "host":
                expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
            told = len(m.log())
            restarted(m, kill=place)
            error = g.switch(DISPLAY, METHOD[direction])
            shown = g.wait_idle(DISPLAY)
            expect.explained(m, g, DISPLAY)
            expect.unharmed(m)
            expect.equal(records(), 0, f"records that are left ({place})")
            if error is not None:
                # Only a way to the guest is given up; that the helper died is the reason, and an entry of its own.
                expect.equal(direction, "guest", f"{place}: {error}")
                expect.refused(error, "signal 9", place)
                expect.true("the helper died (signal 9)" in m.log()[told:], place)
            if shown["Owner"] == "guest":
                # Killed while it only looked, or behind its last answer: it has arrived all the same.
                expect.equal(error, None, place)
                expect.equal(direction, "guest", f"{place}: owner")
                expect.done(g.switch(DISPLAY, "ToHost"), f"home after {place}")
            expect.same(home, m.snapshot(), place)
    return run


for direction in METHOD:
    for point, when in POINTS:
        add(f"helper-killed-to-{direction}-{when}-{point}", helper_killed(direction, point, when), shim=True)


def verdict_of(error):
    return "done" if error is None else "refused" if "could not be recorded" in str(error) else "undone"


def store_fails(direction):
    """From the N-th commit of the way on: refused, put back or finished, and told; in order as soon as commits succeed again."""
    def run(m, g):
        home = m.snapshot()
        n_commits = passings(m, g, direction)["commit"]
        n_start = restarted(m)
        verdicts = []
        for n in range(1, n_commits + 1):
            if direction == "host":
                expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
            start = m.snapshot()
            told = len(m.log())
            restarted(m, fail=f"commit:{n_start + n}:{errno.ENOSPC}")
            error = g.switch(DISPLAY, METHOD[direction])
            g.wait_idle(DISPLAY)
            expect.explained(m, g, DISPLAY)
            expect.unharmed(m)
            verdicts.append(verdict_of(error))
            if error is not None:
                expect.refused(error, "No space left on device", f"commit {n}")
            if verdicts[-1] == "refused":
                expect.same(start, m.snapshot(), f"refused at commit {n}")
            expect.true("could not record" in m.log()[told:], f"commit {n}: what is not recorded is told")
            restarted(m)
            g.wait_idle(DISPLAY)
            expect.equal(records(), 0, f"records that are left (commit {n})")
            if g.properties(DISPLAY)["Owner"] == "guest":
                expect.done(g.switch(DISPLAY, "ToHost"), "home")
            expect.same(home, m.snapshot(), f"after commit {n} failed")
        for verdict in "refused", "undone", "done":
            expect.true(verdict in verdicts, f"no {verdict} among {verdicts}")
    return run


for direction in METHOD:
    add(f"store-fails-to-{direction}", store_fails(direction), shim=True)
