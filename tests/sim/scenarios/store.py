# SPDX-License-Identifier: LGPL-2.1-or-later
"""
No store, or no room in it: what is asked is answered, what cannot be recorded is not begun and says why, and all is well by
itself as soon as the store can be used.
"""

import glob
import os
import sqlite3

from simlib import expect, namespace
from simlib.machine import DISPLAY
from simlib.runner import add, scenario

FOLDER = "/var/lib/gpuswitch"
STORE = f"{FOLDER}/gpuswitch.db"
UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
MS_RDONLY, MS_REMOUNT = 1, 32


def small_disk():
    """A disk of its own under the store, with what is there by now."""
    files = {path: open(path, "rb").read() for path in glob.glob(f"{FOLDER}/*")}
    os.makedirs(FOLDER, mode=0o700, exist_ok=True)
    namespace.mount("tmpfs", FOLDER, "tmpfs", 0, "size=3m,mode=700")
    for path, data in files.items():
        with open(path, "wb") as file:
            file.write(data)


def fill():
    with open(f"{FOLDER}/filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def full_disk(m, g, before_it_is_full):
    """A small disk under the store, what is to happen while it has room, and then it has none."""
    m.stop_daemon()
    small_disk()
    m.start_daemon(shim=True)
    before_it_is_full(m, g)
    m.stop_daemon()
    m.start_daemon(shim=True)
    fill()


def prepare(m, g):
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")


def make_room():
    os.unlink(f"{FOLDER}/filler")


def read_only(on):
    namespace.mount("tmpfs", FOLDER, None, MS_REMOUNT | (MS_RDONLY if on else 0), "size=3m,mode=700")


def refused(m, g, words):
    before = m.snapshot()
    expect.refused(g.switch(DISPLAY, "ToGuest"), f"could not be recorded in {FOLDER} ({words})", "to the guest")
    expect.refused(g.prepare(UUID, "vm", DISPLAY), f"could not be recorded in {FOLDER} ({words})", "PrepareDomain")
    expect.same(before, m.snapshot(), "after a switch that was not begun")
    expect.equal(m.ctl("list")[0], 0, "gpuswitchctl list")
    expect.equal(m.status(DISPLAY)["owner"], "host", "owner")


def there_and_back(m, g):
    before = m.snapshot()
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.same(before, m.snapshot(), "after the way home")


def missing_at_start(break_it, mend_it, words):
    def run(m, g):
        there_and_back(m, g)
        prepare(m, g)
        expect.done(g.release(UUID), "ReleaseDomain")
        g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
        m.stop_daemon()
        small_disk()
        break_it()
        m.start_daemon(shim=True)
        refused(m, g, words)
        expect.true(f"There is no store at {STORE} ({words})" in m.log(), "what is wrong is told")
        state = g.properties(DISPLAY)["ResetState"]
        m.advance(6)
        expect.equal(m.status(DISPLAY)["owner"], "host", "owner")
        refused(m, g, words)

        # Nobody restarts anything.
        pid = m.daemon.pid
        mend_it()
        m.advance(6)
        g.wait(DISPLAY, lambda p: "starting over" in m.log() and p is not None, "the daemon to start over")
        there_and_back(m, g)
        expect.equal(m.daemon.pid, pid, "process of the daemon")
        expect.equal(m.daemon.poll(), None, "end of the daemon")
        expect.equal(state, "unknown", "reset state while there was no history")
    return run


def to_newer(version):
    def change():
        with sqlite3.connect(STORE) as db:
            db.execute(f"PRAGMA user_version = {version}")
        db.close()
    return change


add("store-disk-full-at-start", missing_at_start(fill, make_room, "No space left on device"), shim=True)
add("store-read-only-at-start", missing_at_start(lambda: read_only(True), lambda: read_only(False), "Read-only file system"),
    shim=True)
add("store-of-a-newer-daemon", missing_at_start(to_newer(1000), to_newer(3), "it was written by a newer gpuswitchd"), shim=True)


@scenario(shim=True)
def store_disk_full_meanwhile(m, g):
    full_disk(m, g, there_and_back)
    refused(m, g, "No space left on device")
    make_room()
    there_and_back(m, g)


@scenario(shim=True)
def store_disk_full_when_a_guest_ends(m, g):
    """The way home is owed, and is made when it can be recorded; the card is explained meanwhile."""
    before = m.snapshot()
    full_disk(m, g, prepare)
    expect.done(g.release(UUID), "ReleaseDomain")
    g.wait(DISPLAY, lambda p: "so it was not begun" in m.log() and p["Owner"] == "guest", "the way home to be refused")
    expect.explained(m, g, DISPLAY)
    m.advance(31)
    g.wait(DISPLAY, lambda p: m.log().count("so it was not begun") > 1 and p["Owner"] == "guest", "another try")
    make_room()
    m.advance(31)
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "after the way home")


@scenario(shim=True)
def store_disk_full_for_two_guests(m, g):
    """Between two tries another guest has the card and ends: its way home is owed as well."""
    before = m.snapshot()
    full_disk(m, g, prepare)
    for n in 1, 2:
        expect.done(g.release(UUID), f"ReleaseDomain {n}")
        g.wait(DISPLAY, lambda p: m.log().count("so it was not begun") >= n and p["Owner"] == "guest", "a refusal")
        if n == 1:
            expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain of a card that is with the guests already")
    make_room()
    m.advance(31)
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "after the way home")


@scenario()
def store_is_set_aside(m, g):
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    m.stop_daemon()
    garbage = b"this is no database, and somebody may still want it\n" * 100
    with open(STORE, "wb") as file:
        file.write(garbage)
    m.start_daemon()
    aside = [path for path in glob.glob(f"{STORE}.broken-*") if not path.endswith(("-wal", "-shm"))]
    expect.equal(len(aside), 1, "files that were set aside")
    expect.equal(open(aside[0], "rb").read(), garbage, "the file that was set aside")
    expect.equal(g.properties(DISPLAY)["ResetState"], "unknown", "reset state without a history")
    expect.true(f"was set aside as {aside[0]}" in m.log(), "it is told")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    m.stop_daemon()
    m.start_daemon()
    expect.equal(m.log().count("was set aside"), 1, "times that it is told")
