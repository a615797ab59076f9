# SPDX-License-Identifier: LGPL-2.1-or-later
"""Claims of virtual machines: what ends them, and that no death of the daemon loses one, or keeps one too long."""

import sqlite3
import time

from simlib import expect
from simlib.gpuswitch import MANAGER, NAME, ROOT
from simlib.machine import DISPLAY, DISPLAY2
from simlib.runner import scenario

STORE = "/var/lib/gpuswitch/gpuswitch.db"
UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"


def now_usec():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def sync(g, begun_usec, *running):
    """What virtwatch says: the list that it began to make at BEGUN_USEC."""
    return g.finish(g.bus.start(NAME, ROOT, MANAGER, "SyncDomains", "ta(ssas)", begun_usec, running))


def start_prepare(g, *addresses):
    return g.bus.start(NAME, ROOT, MANAGER, "PrepareDomain", "ssas", UUID, "vm", addresses)


def domain_of(g, address):
    domain = g.properties(address)["Domain"]
    return dict(domain).get("name") if domain else None


def killed(m, **more):
    m.kill_daemon()
    m.start_daemon(**more)


def bus_resets_on_record(address):
    with sqlite3.connect(f"file:{STORE}?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM evidence WHERE event = 'bus-reset' AND identity ="
                          " (SELECT identity FROM card WHERE address = ?)", (address,)).fetchone()[0]


@scenario()
def start_that_libvirt_has_forgotten(m, g):
    """libvirtd dies in the middle of the hook: the list of the next one says so, while PrepareDomain still runs."""
    before = m.snapshot()
    m.sim.fault("slow", "hold", DISPLAY, "unbind")
    call = start_prepare(g, DISPLAY)
    m.sim.wait_hit("slow")
    expect.done(sync(g, now_usec()), "SyncDomains")
    m.sim.release("slow")
    expect.refused(g.finish(call), "given", "PrepareDomain")
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "after the start that was forgotten")
    expect.done(g.prepare(UUID, "vm", DISPLAY), "the next start")


@scenario()
def list_that_is_older_than_the_start(m, g):
    begun = now_usec()
    m.sim.fault("slow", "hold", DISPLAY, "unbind")
    call = start_prepare(g, DISPLAY)
    m.sim.wait_hit("slow")
    expect.done(sync(g, begun), "SyncDomains")
    m.sim.release("slow")
    expect.done(g.finish(call), "PrepareDomain")
    expect.done(sync(g, begun), "SyncDomains")
    expect.equal(g.properties(DISPLAY)["Owner"], "guest", "owner")


@scenario()
def claim_outlives_the_daemon(m, g):
    before = m.snapshot()
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    killed(m)
    expect.equal(domain_of(g, DISPLAY), "vm", "the virtual machine that has it")
    expect.done(sync(g, now_usec(), (UUID, "vm", (DISPLAY,))), "SyncDomains")
    expect.equal(domain_of(g, DISPLAY), "vm", "the virtual machine that has it")
    killed(m)
    expect.done(sync(g, now_usec()), "SyncDomains without it")
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "after the virtual machine")


@scenario()
def unguarded_guest_outlives_the_daemon(m, g):
    """A card whose bus reset is wanted has no guard: its guest counts as a bus reset when it comes and when it goes."""
    expect.done(g.prepare(UUID, "vm", DISPLAY2), "PrepareDomain")
    expect.equal(bus_resets_on_record(DISPLAY2), 1, "bus resets on record when the guest has begun")
    killed(m)
    expect.done(g.release(UUID), "ReleaseDomain")
    g.wait(DISPLAY2, lambda p: p["Owner"] == "host", "the card at home")
    expect.equal(bus_resets_on_record(DISPLAY2), 2, "bus resets on record when the guest has ended")


@scenario(shim=True)
def way_home_outlives_the_daemon(m, g):
    """Killed where the helper would be asked to look at a card that was just released: nothing is on record yet but that it wants home."""
    before = m.snapshot()
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    m.stop_daemon()
    m.page.reset_counters()
    m.start_daemon(kill="send:before:1")
    g.release(UUID)
    expect.equal(m.wait_daemon(), -9, "end of the daemon")
    m.start_daemon()
    g.wait(DISPLAY, lambda p: p is not None and p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "after the way home")


@scenario()
def clock_is_set_back(m, g):
    """By a year, with a claim, a list, and a restart on both sides of it. Nothing is told by the time of day."""
    before = m.snapshot()
    m.stop_daemon()
    m.start_daemon(shim=True)
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    m.set_clock(-365 * 86400)
    expect.done(sync(g, now_usec(), (UUID, "vm", (DISPLAY,))), "SyncDomains")
    killed(m, shim=True)
    expect.equal(domain_of(g, DISPLAY), "vm", "the virtual machine that has it")
    expect.done(sync(g, now_usec(), (UUID, "vm", (DISPLAY,))), "SyncDomains")
    expect.equal(domain_of(g, DISPLAY), "vm", "the virtual machine that has it")
    expect.done(g.release(UUID), "ReleaseDomain")
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "after the virtual machine")
    with sqlite3.connect(f"file:{STORE}?mode=ro", uri=True) as db:
        times = [row[0] for row in db.execute("SELECT at_realtime_usec FROM evidence ORDER BY n")]
    expect.true(times != sorted(times), "the clock was not set back")
    killed(m)
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain with the clock right again")
    expect.done(g.release(UUID), "ReleaseDomain")
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "with the clock right again")


@scenario()
def joined_start_that_is_refused(m, g):
    """A person asks for what a VM's start is doing already, and that is refused: no claim is left that would keep the card."""
    before = m.snapshot()
    m.sim.fault("slow", "hold", DISPLAY, "bind", value="vfio-pci")
    prepare = start_prepare(g, DISPLAY)
    m.sim.wait_hit("slow")
    joined = g.start(DISPLAY, "ToGuest")
    g.bus.call(NAME, ROOT, "org.freedesktop.DBus.Peer", "Ping", "")  # ToGuest has arrived before it
    m.sim.release("slow", 5)
    expect.refused(g.finish(prepare), "Input/output", "PrepareDomain")
    expect.refused(g.finish(joined), "Input/output", "ToGuest")
    expect.same(before, m.snapshot(), "after the refusal")
    expect.done(g.prepare(UUID, "vm", DISPLAY), "the next start")
    expect.done(g.release(UUID), "its end")
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home, with nobody's claim on it")
