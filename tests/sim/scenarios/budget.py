# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cards that bear two reboots of their guest: what is left, who is warned, when a reboot is to become a stop; and how guests end."""

import os
import signal
import sqlite3
import time

from simlib import expect
from simlib.bus import Bus
from simlib.gpuswitch import MANAGER, NAME, ROOT
from simlib.machine import DISPLAY, DISPLAY2
from simlib.runner import scenario

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
OTHER = "5dea22b3-1d52-d8f3-2516-782e98ab3fa1"
STORE = "/var/lib/gpuswitch/gpuswitch.db"
QUIRK = """{ "version": 1, "families": [ { "family": "bumpy", "match": [{ "id": "1002:67df" }],
    "bus_reset": { "value": "forbidden", "source": "a test" }, %s
    "guest_reboots": { "value": %u, "source": "a test" } } ] }"""


class Watcher:
    """virtwatch, at its end of the bus."""

    def __init__(self, ahead=0):
        self.bus, self.ahead = Bus(), ahead

    def now_usec(self):
        """Of the daemon's clock, which the scenario may have moved AHEAD."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000 + self.ahead * 1000000

    def tell(self, method, signature, *arguments):
        self.bus.call(NAME, ROOT, MANAGER, method, signature, *arguments)

    def began(self):
        self.tell("WatchBegan", "t", self.now_usec())

    def event(self, event, detail=""):
        self.tell("DomainEvent", "sss", UUID, event, detail)

    def rebooted(self, ago=0):
        self.event("rebooted", str(self.now_usec() - ago * 1000000))

    def sync(self, *running):
        self.tell("SyncDomains", "ta(ssas)", self.now_usec(), running)

    def leave(self):
        self.bus.socket.close()


def setup(m, g, limit=2, state=""):
    os.makedirs("/etc/gpuswitch/quirks.d")
    with open("/etc/gpuswitch/quirks.d/90-bumpy.json", "w") as file:
        file.write(QUIRK % (state, limit))
    m.daemon.send_signal(signal.SIGHUP)
    g.wait(DISPLAY, lambda p: p["Family"] == "bumpy", "the quirk")


def begin(m, g, limit=2, state="", ahead=0):
    """A guest that virtwatch has seen start."""
    setup(m, g, limit, state)
    watcher = Watcher(ahead)
    watcher.began()
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    watcher.event("started", "booted")
    return watcher


def asked(g):
    """How often virtwatch was asked for a stop, so far. (The answer to a call comes behind the signals before it.)"""
    g.properties(DISPLAY)
    return sum(s.member == "RebootsUsedUp" and s.body[0] == UUID for s in g.bus.signals)


def expect_left(g, left, words):
    shown = g.properties(DISPLAY)
    expect.equal(shown["RebootsLeft"], left, "reboots left")
    expect.true(words in shown["Reboots"], f"'{words}' in: {shown['Reboots']}")


def at_home(g):
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")


def evidence(event):
    with sqlite3.connect(f"file:{STORE}?mode=ro", uri=True) as db:
        return db.execute("SELECT from_state, to_state, reason FROM evidence WHERE event = ?", (event,)).fetchall()


@scenario(shim=True)
def budget_of_two(m, g):
    expect.equal(m.status(DISPLAY)["reboots_left"], None, "reboots left of a family without a limit")
    watcher = begin(m, g)
    expect_left(g, 2, "2 of 2 left")
    m.advance(100)
    watcher.ahead = 100
    watcher.rebooted(ago=60)
    watcher.rebooted(ago=59)  # the firmware's own
    expect_left(g, 1, "1 of 2 left; shut virtual machine 'vm' down and start it anew to have 2 again")
    expect.equal(asked(g), 0, "stops asked for")
    watcher.rebooted(ago=30)
    expect_left(g, 0, "none of 2 left: after the next one virtual machine 'vm' has no working card")
    expect.equal(asked(g), 1, "stops asked for")
    watcher.event("reboot-stops")
    expect_left(g, 0, "none of 2 left: at the next one libvirt stops virtual machine 'vm' instead")
    shown = m.status(DISPLAY)
    expect.equal((shown["reboots_left"], shown["reboot_stops"]), (0, True), "status --json")
    status, out, _ = m.ctl("status", DISPLAY)
    expect.true(status == 0 and "Reboots: none of 2 left" in out, out)
    watcher.sync((UUID, "vm", (DISPLAY,)))
    expect.equal(asked(g), 1, "stops asked for when there is one")
    for words in ("guest reboots: 1 of 2 left", "guest reboots: none of 2 left: after", "guest reboots: none of 2 left: at"):
        expect.equal(m.log().count(words), 1, f"lines with '{words}'")

    expect.done(g.release(UUID, "shutdown"), "ReleaseDomain")
    at_home(g)
    expect_left(g, 2, "2 in one run of a virtual machine; virtual machine 'vm' has stopped with no reboot left")
    expect.equal(m.log().count("libvirt makes a stop of a reboot then"), 1, "explanations")
    expect.done(g.prepare(UUID, "vm", DISPLAY), "the next start")
    watcher.event("started", "booted")
    expect_left(g, 2, "2 of 2 left")
    expect.equal(g.properties(DISPLAY)["RebootStops"], False, "a stop in the next run")


@scenario(shim=True)
def budget_stop_waits_for_the_reboot_to_be_over(m, g):
    """The firmware's own reset comes behind the guest's: a stop that is there too early would hit that."""
    watcher = begin(m, g, limit=1)
    watcher.rebooted()
    expect_left(g, 0, "none of 1 left")
    watcher.sync((UUID, "vm", (DISPLAY,)))
    expect.equal(asked(g), 0, "stops asked for at once")
    m.advance(6)
    while not asked(g):
        g.bus.receive()


@scenario(shim=True)
def budget_libvirt_cannot_stop_it(m, g):
    watcher = begin(m, g, limit=0)
    expect_left(g, 0, "none of 0 left")
    expect.equal(asked(g), 1, "stops asked for")
    watcher.event("reboot-does-not-stop", "not supported by this QEMU")
    expect_left(g, 0, "and libvirt cannot stop it instead (not supported by this QEMU)")
    expect.equal(asked(g), 1, "it is not asked again because of an answer")
    watcher.sync((UUID, "vm", (DISPLAY,)))
    expect.equal(asked(g), 2, "with the next list it is")
    m.advance(10)
    watcher.ahead = 10
    watcher.rebooted(ago=5)
    expect_left(g, 0, "none of 0 left")
    expect.true("there was another one, although none was left" in m.log(), "the reboot too many is in the log")
    expect.equal(m.log().count("(not supported by this QEMU)"), 1, "warnings about the same")
    expect.done(g.release(UUID, "shutdown"), "ReleaseDomain")
    at_home(g)
    expect.true("has stopped with no reboot left" not in m.log(), "a stop that was not ours is explained as ours")


@scenario()
def budget_nobody_counts(m, g):
    setup(m, g)
    expect_left(g, 2, "2 in one run of a virtual machine")
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    expect_left(g, 0, "since gpuswitch-virtwatch is not there")
    expect.true("nobody counts the reboots of virtual machine 'vm' yet" in m.log(), "the log says so")
    # As after a boot: libvirt lets virtwatch in when the machines run that it starts by itself.
    watcher = Watcher()
    watcher.began()
    watcher.sync((UUID, "vm", (DISPLAY,)))
    expect_left(g, 2, "2 of 2 left")
    watcher.tell("WatchEnded", "")
    expect_left(g, 0, "or has no connection to libvirt")
    watcher.began()  # in the first seconds of a machine nothing can have been missed
    expect_left(g, 2, "2 of 2 left")
    m.truncate_log()
    watcher.leave()
    g.wait(DISPLAY, lambda p: p["RebootsLeft"] == 0, "none left without virtwatch")
    expect.equal(m.log().count("all 2 count as used up, since gpuswitch-virtwatch is not there"), 1, "warnings")


@scenario(shim=True)
def budget_virtwatch_was_away(m, g):
    watcher = begin(m, g)
    m.kill_daemon()
    m.start_daemon(shim=True)
    expect_left(g, 0, "is not there")
    watcher.tell("WatchBegan", "t", watcher.now_usec() - 10000000)
    watcher.sync((UUID, "vm", (DISPLAY,)))
    expect_left(g, 2, "2 of 2 left")
    m.advance(60)
    watcher.leave()
    g.wait(DISPLAY, lambda p: p["RebootsLeft"] == 0, "none left without virtwatch")
    again = Watcher(ahead=60)
    again.began()
    again.sync((UUID, "vm", (DISPLAY,)))
    expect_left(g, 0, "all 2 count as used up, since gpuswitch-virtwatch was not there for all of this run")
    m.kill_daemon()
    m.start_daemon(shim=True)
    again.began()
    expect_left(g, 0, "was not there for all of this run")


@scenario()
def budget_adopted_guest(m, g):
    setup(m, g)
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    watcher = Watcher()
    watcher.began()
    watcher.sync((UUID, "vm", (DISPLAY,)))
    expect_left(g, 0, "all 2 count as used up, since gpuswitch-virtwatch was not there for all of this run")
    expect.equal(asked(g), 1, "stops asked for")


@scenario(cards=("polaris", "polaris"))
def budget_of_two_machines(m, g):
    """Each has its own, and its own stop."""
    watcher = begin(m, g, limit=0)
    expect.done(g.prepare(OTHER, "other", DISPLAY2), "PrepareDomain of the other")
    g.bus.signals.clear()
    expect_left(g, 0, "after the next one virtual machine 'vm'")
    watcher.tell("DomainEvent", "sss", OTHER, "started", "booted")
    g.properties(DISPLAY)
    expect.equal([s.body for s in g.bus.signals if s.member == "RebootsUsedUp"], [[OTHER]], "whom virtwatch is asked to stop")
    watcher.event("reboot-stops")
    shown = [g.properties(address)["RebootStops"] for address in (DISPLAY, DISPLAY2)]
    expect.equal(shown, [True, False], "whose reboot becomes a stop")
    expect.done(g.release(OTHER, "shutdown"), "ReleaseDomain of the other")
    g.wait(DISPLAY2, lambda p: p["Owner"] == "host", "the other card at home")
    expect.equal(g.properties(DISPLAY)["RebootStops"], True, "the stop of the one that goes on")
    expect.true("has stopped with no reboot left" not in m.log(), "a machine that had no stop is said to have had one")


DIRTY = '"state": { "dirty_guest_end": { "value": "unknown", "source": "a test" } },'


@scenario()
def guest_end_dirty(m, g):
    begin(m, g, state=DIRTY)
    expect.done(g.release(UUID, "crashed"), "ReleaseDomain")
    at_home(g)
    expect.equal(g.properties(DISPLAY)["ResetState"], "unknown", "state")
    expect.equal(evidence("guest-dirty"), [("touched", "unknown", "virtual machine 'vm' did not end by itself: crashed")], "evidence")


LONG = "x" + "ä" * 126  # every text that it is cut off in ends in the middle of a character


@scenario()
def guest_end_of_a_long_name(m, g):
    """The bus takes no half characters: a text that had one would take all properties with it."""
    setup(m, g, state=DIRTY)
    watcher = Watcher()
    watcher.began()
    expect.done(g.prepare(UUID, LONG, DISPLAY), "PrepareDomain")
    watcher.event("started", "booted")
    for words in LONG, LONG[1:]:
        watcher.event("reboot-does-not-stop", words + words)
        expect.true(g.properties(DISPLAY) is not None, "properties with a problem of libvirt's")
    expect.done(g.release(UUID, "destroyed"), "ReleaseDomain")
    at_home(g)
    shown = m.status(DISPLAY)
    expect.equal(shown["reset_state"], "unknown", "state")
    expect.true(shown["reason"].startswith("virtual machine 'xää"), shown["reason"])


@scenario()
def guest_end_clean(m, g):
    begin(m, g, state=DIRTY)
    expect.done(g.release(UUID, "shutdown"), "ReleaseDomain")
    at_home(g)
    expect.equal(g.properties(DISPLAY)["ResetState"], "touched", "state")
    expect.equal(evidence("guest-dirty"), [], "evidence")


@scenario()
def guest_end_changes_nothing(m, g):
    """A family that says nothing of it: evidence alone."""
    begin(m, g)
    expect.done(g.release(UUID, "destroyed"), "ReleaseDomain")
    at_home(g)
    expect.equal(evidence("guest-dirty"), [("touched", "touched", "virtual machine 'vm' did not end by itself: destroyed")], "evidence")
    expect.true("did not end by itself: destroyed" in m.ctl("status", DISPLAY)[1], "it is in the time line")


@scenario()
def guest_end_told_by_virtwatch(m, g):
    """The hook of an older libvirt knows no reason: virtwatch has it, behind the release; and once."""
    watcher = begin(m, g, state=DIRTY)
    expect.done(g.release(UUID, "-"), "ReleaseDomain")
    watcher.event("stopped", "destroyed")
    watcher.event("stopped", "destroyed")
    at_home(g)
    expect.equal(g.properties(DISPLAY)["ResetState"], "unknown", "state")
    expect.equal(len(evidence("guest-dirty")), 1, "rows of evidence")


@scenario()
def guest_end_of_a_start_that_failed(m, g):
    setup(m, g, state=DIRTY)
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    expect.done(g.release(UUID, "failed"), "ReleaseDomain")
    at_home(g)
    expect.equal(evidence("guest-dirty"), [], "evidence")


@scenario()
def guest_end_after_a_detach(m, g):
    """The card was long gone when its machine was destroyed."""
    watcher = begin(m, g, state=DIRTY)
    watcher.event("device-removed", DISPLAY)
    at_home(g)
    watcher.event("stopped", "destroyed")
    g.properties(DISPLAY)  # behind the event
    expect.equal(evidence("guest-dirty"), [], "evidence")
