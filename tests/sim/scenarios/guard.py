# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel module gpuswitch-guard: a virtual machine that gets every function of a card that a bus reset would kill."""

import errno
import os
import sqlite3

from simlib import expect
from simlib.machine import AUDIO, DISPLAY
from simlib.runner import scenario

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
STORE = "/var/lib/gpuswitch/gpuswitch.db"
FOLDER = "/sys/bus/pci/drivers/gpuswitch-guard"
BOTH = 3
STAY = {"version": 1, "cards": [{"match": {"address": DISPLAY}, "return": "stay"}]}


def guarded():
    with open(f"{FOLDER}/guarded", encoding="ascii") as file:
        return file.read().split()


def write(name, address):
    with open(f"{FOLDER}/{name}", "w", encoding="ascii") as file:
        file.write(address)


def prepare(g):
    return g.prepare(UUID, "win11", DISPLAY, AUDIO)


def bring_to_prefail(m, g):
    """The second host bind since power-up."""
    for _ in range(2):
        expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
        expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.equal(m.sim.card(1)["state"], "prefail", "state")
    return m.snapshot()


def guest(m):
    m.sim.command("guest", "start", 1, BOTH)
    m.sim.command("guest", "stop", 1)


def at_home(m, g, before):
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    g.wait_idle(DISPLAY)
    expect.equal(guarded(), [], "what the module guards")
    expect.same(before, m.snapshot(), "at home")
    expect.unharmed(m)


@scenario(options=("--guard-module",))
def guard_both_functions(m, g):
    before = bring_to_prefail(m, g)
    for _ in range(3):
        expect.done(prepare(g), "PrepareDomain")
        expect.equal(guarded(), [DISPLAY], "what the module guards")
        expect.equal(g.properties(DISPLAY)["Guard"], "guard-module", "guard")
        expect.equal(m.snapshot()[AUDIO]["driver"], "vfio-pci", "driver of the companion")
        guest(m)
        expect.done(g.release(UUID), "ReleaseDomain")
        at_home(m, g, before)
    expect.equal(m.sim.card(1)["bus_resets"], "0", "bus resets")
    expect.equal(m.sim.card(1)["guest_starts_unreset"], "0", "guests on a card that was not reset")


@scenario(options=("--guard-module",))
def guard_companion_does_it(m, g):
    """Where the virtual machine leaves the companion, the module is not asked."""
    expect.done(g.prepare(UUID, "win11", DISPLAY), "PrepareDomain")
    expect.equal(guarded(), [], "what the module guards")
    expect.equal(g.properties(DISPLAY)["Guard"], "stub-companion", "guard")


@scenario()
def guard_without_the_module(m, g):
    before = bring_to_prefail(m, g)
    expect.refused(prepare(g), "gpuswitch-guard is not loaded", "PrepareDomain with both functions")
    expect.same(before, m.snapshot(), "after the refusal")


@scenario(options=("--guard-module",))
def guard_module_refuses(m, g):
    """A start that the module does not guard does not go on, and nothing is left of it."""
    before = bring_to_prefail(m, g)
    m.sim.fault("full", "refuse", file="guard", errno=errno.ENOSPC)
    expect.refused(prepare(g), "No space left", "PrepareDomain with both functions")
    at_home(m, g, before)
    expect.done(prepare(g), "PrepareDomain once more")


@scenario(options=("--guard-module",))
def guard_left_at_home(m, g):
    """A card at home that is guarded, and nobody knows why: the next daemon takes the guard back."""
    before = m.snapshot()
    m.stop_daemon()
    write("guard", AUDIO)
    m.start_daemon()
    at_home(m, g, before)


@scenario(options=("--guard-module",), policy=STAY)
def guard_stays(m, g):
    """With the guests between two virtual machines, and over a daemon's death: still guarded, and the next start needs no step."""
    expect.done(prepare(g), "PrepareDomain")
    guest(m)
    expect.done(g.release(UUID), "ReleaseDomain")
    m.kill_daemon()
    m.start_daemon()
    g.wait_idle(DISPLAY)
    expect.equal(guarded(), [DISPLAY], "what the module guards")
    expect.equal(g.properties(DISPLAY)["Guard"], "guard-module", "guard")
    record = len(m.sim.record())
    expect.done(prepare(g), "PrepareDomain once more")
    expect.equal(m.sim.record()[record:], [], "writes")
    guest(m)
    expect.done(g.release(UUID), "ReleaseDomain")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.equal(guarded(), [], "what the module guards")
    expect.equal(m.sim.card(1)["bus_resets"], "0", "bus resets")


@scenario(options=("--guard-module",))
def guard_taken_away_under_a_guest(m, g):
    """By other hands: said at once, and the guest's end counts as the bus reset that it may have been."""
    expect.done(prepare(g), "PrepareDomain")
    m.sim.command("guest", "start", 1, BOTH)
    write("release", DISPLAY)
    expect.equal(g.properties(DISPLAY)["Guard"], "none", "guard")
    m.sim.command("guest", "stop", 1)
    expect.done(g.release(UUID), "ReleaseDomain")
    g.wait_idle(DISPLAY)
    with sqlite3.connect(f"file:{STORE}?mode=ro", uri=True) as db:
        resets = db.execute("SELECT count(*) FROM evidence WHERE event = 'bus-reset'").fetchone()[0]
    expect.equal(resets, 1, "bus resets on record")


@scenario(options=("--guard-module",))
def guard_module_is_torn_out(m, g):
    """Who listens hears that the guard of a guest's card has gone, and need not ask."""
    expect.done(prepare(g), "PrepareDomain")
    expect.equal(g.properties(DISPLAY)["Guard"], "guard-module", "guard")
    write("release", DISPLAY)
    g.bus.signals.clear()
    m.sim.command("module", "gpuswitch_guard", "remove")
    while not any(s.member == "PropertiesChanged" and "Guard" in s.body[1] for s in g.bus.signals):
        g.bus.receive()
    write("guard", DISPLAY)
    m.sim.command("module", "amdgpu", "remove")  # nobody's business
    m.sim.command("module", "gpuswitch_guard", "add")
    while not any(s.member == "PropertiesChanged" and s.body[1].get("Guard") == "guard-module" for s in g.bus.signals):
        g.bus.receive()


@scenario(options=("--guard-module",), shim=True, timeout=1200)
def guard_killed_anywhere(m, g):
    """The daemon dies before each request to its helper, on the way there and on the way home: never with the guests unguarded, and never
    guarded at home."""
    before = bring_to_prefail(m, g)
    for way in "prepare", "release":
        struck, n = True, 0
        while struck:
            n += 1
            if way == "release":
                expect.done(prepare(g), "PrepareDomain")
                guest(m)
            m.page.reset_counters()
            m.page.kill("send", "before", n)
            if way == "release":
                g.release(UUID)
            else:
                prepare(g)
            g.wait(DISPLAY, lambda p: p is None or p["Owner"] != "switching", "the end of the way")
            struck = m.page.struck()
            m.page.spare()
            if struck:
                expect.equal(m.wait_daemon(), -9, "the end of the daemon")
                m.start_daemon(shim=True)
            g.wait_idle(DISPLAY)
            if g.properties(DISPLAY)["Owner"] == "guest":
                expect.equal(guarded(), [DISPLAY], f"what the module guards, {way} {n}")
                expect.done(g.release(UUID), "ReleaseDomain")
            at_home(m, g, before)
        print(f"{way}: killed at {n - 1} places")
        expect.true(n > 15, f"only {n - 1} places were reached")
    expect.equal(m.sim.card(1)["bus_resets"], "0", "bus resets")


def group_of(function):
    return os.path.basename(os.readlink(f"/sys/bus/pci/devices/{function}/iommu_group"))


def companion_on_vfio():
    """Somebody has put it there by hand; the display function is still at home."""
    device = f"/sys/bus/pci/devices/{AUDIO}"
    for path, value in ((f"{device}/driver_override", "vfio-pci"), (f"{device}/driver/unbind", AUDIO),
                        ("/sys/bus/pci/drivers/vfio-pci/bind", AUDIO)):
        with open(path, "w", encoding="ascii") as file:
            file.write(value)


@scenario(options=("--guard-module",), shim=True)
def guard_group_is_open(m, g):
    """Somebody has the group of a companion that is with the guests: the start is refused before anything is written."""
    companion_on_vfio()
    before = m.snapshot()
    first = len(m.sim.record())
    held = open(f"/dev/vfio/{group_of(AUDIO)}", "r+b", buffering=0)
    m.sim.fault("waits", "notice", file=f"vfio/{group_of(AUDIO)}", kind="o")
    call = g.begin_prepare(UUID, "win11", DISPLAY, AUDIO)
    m.sim.wait_hit("waits")
    m.advance(29)  # the helper gives up two seconds before the daemon gives it up
    expect.refused(g.finish(call), "/dev/vfio/", "PrepareDomain")
    expect.equal(m.sim.record()[first:], [], "writes")
    expect.same(before, m.snapshot(), "after the refusal")
    expect.equal(m.sim.card(1)["config_resets"], "0", "config resets")
    held.close()
    expect.done(prepare(g), "PrepareDomain once more")
    expect.equal(m.sim.card(1)["config_resets"], "1", "config resets")
    guest(m)


@scenario(options=("--guard-module",))
def guard_group_is_opened_meanwhile(m, g):
    """And by somebody who comes when the start has begun: the helper looks again before it resets."""
    companion_on_vfio()
    before = m.snapshot()
    m.sim.fault("unbind", "hold", DISPLAY, "unbind", at="entry")
    call = g.begin_prepare(UUID, "win11", DISPLAY, AUDIO)
    m.sim.wait_hit("unbind")
    held = open(f"/dev/vfio/{group_of(AUDIO)}", "r+b", buffering=0)
    m.sim.release("unbind")
    expect.refused(g.finish(call), "/dev/vfio/", "PrepareDomain")
    expect.equal(m.sim.card(1)["config_resets"], "0", "config resets")
    held.close()
    # The kernel binds no host driver inside a group that a guest holds (iommu_device_use_default_domain()).
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.equal(m.snapshot()[DISPLAY]["driver"], before[DISPLAY]["driver"], "driver at home")
    expect.unharmed(m)
