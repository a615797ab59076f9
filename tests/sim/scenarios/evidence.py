# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kernel says of a card while the daemon listens, and what the next daemon reads of it."""

import signal
import sqlite3

from simlib import expect
from simlib.machine import AUDIO, DISPLAY, DISPLAY2
from simlib.runner import scenario

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
BARS = "vfio-pci {}: vfio_bar_restore: reset recovery - restoring BARs"


def evidence():
    """Rows of the store, oldest first: (event, from, to, reason)."""
    store = sqlite3.connect("file:/var/lib/gpuswitch/gpuswitch.db?mode=ro", uri=True)
    try:
        return store.execute("SELECT event, from_state, to_state, reason FROM evidence ORDER BY n").fetchall()
    finally:
        store.close()


def state_is(g, state, address=DISPLAY):
    return g.wait(address, lambda p: p is not None and p["ResetState"] == state, f"{address} to be {state}")


def arm(m, g):
    """Card 1 in prefail, at home: the first guest is free, the host bind behind it arms the card."""
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    m.sim.command("guest", "start", 1)
    m.sim.command("guest", "stop", 1)
    expect.done(g.release(UUID), "ReleaseDomain")
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    state_is(g, "prefail")


def restart(m, g):
    m.stop_daemon()
    m.start_daemon()
    g.wait(DISPLAY, lambda p: p is not None, "the next daemon")


@scenario()
def reset_under_a_guest(m, g):
    """vfio found the BARs wiped: what reset the card is not known, and so is its state. The next daemon agrees."""
    expect.done(g.prepare(UUID, "vm", DISPLAY2), "PrepareDomain")
    state_is(g, "touched", DISPLAY2)
    m.sim.command("log", BARS.format(DISPLAY2))
    state_is(g, "unknown", DISPLAY2)
    expect.equal(evidence()[-1], ("history-gap", "touched", "unknown", BARS.format(DISPLAY2)), "the evidence")
    restart(m, g)
    state_is(g, "unknown", DISPLAY2)


@scenario()
def reset_under_a_guest_in_prefail(m, g):
    arm(m, g)
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    m.sim.command("log", BARS.format(DISPLAY))
    m.sim.command("log", f"vfio-pci {DISPLAY}: not ready 65535ms after bus reset; giving up")
    state_is(g, "failed")  # the second line: the first has been read
    expect.equal([row[:3] for row in evidence()[-2:]],
                 [("history-gap", "prefail", "prefail"), ("config-dead", "prefail", "failed")], "the evidence")


@scenario()
def bus_reset_by_other_hands(m, g):
    """The kernel waits for the card: its bus was reset, which a card in prefail does not survive, and any other does."""
    line = "vfio-pci {}: not ready 1023ms after bus reset; waiting"
    m.sim.command("log", line.format(DISPLAY2))
    arm(m, g)
    m.sim.command("log", line.format(DISPLAY))
    state_is(g, "failed")
    expect.equal(evidence()[-1], ("bus-reset", "prefail", "failed", line.format(DISPLAY)), "the evidence")
    expect.equal(g.properties(DISPLAY2)["ResetState"], "fresh", "the other card")
    expect.equal([row[:3] for row in evidence() if row[0] == "bus-reset"][:1], [("bus-reset", "fresh", "fresh")], "its evidence")


@scenario()
def reset_under_a_guest_while_nobody_listened(m, g):
    expect.done(g.prepare(UUID, "vm", DISPLAY2), "PrepareDomain")
    m.stop_daemon()
    m.sim.command("log", BARS.format(DISPLAY2))
    m.start_daemon()
    state_is(g, "unknown", DISPLAY2)


@scenario()
def a_chatty_line_fills_nothing(m, g):
    """A line that comes a thousand times, and two that take turns."""
    before = len(evidence())
    for i in range(1000):
        m.sim.command("log", f"vfio-pci {DISPLAY}: invalid power transition (from D3cold to D3hot)")
        m.sim.command("log", f"amdgpu {AUDIO}: D3cold number {i % 3}")
    m.sim.command("log", f"vfio-pci {DISPLAY}: Unable to change power state from D3cold to D0, device inaccessible")
    state_is(g, "failed")
    rows = evidence()[before:]
    expect.equal(rows[-1][:3], ("config-dead", "fresh", "failed"), "the last row")
    expect.true(2 <= len(rows) <= 17, f"{len(rows)} rows of evidence")
    restart(m, g)  # and none of them is a reason to know less
    state_is(g, "failed")


@scenario()
def log_that_went_round_before_a_restart(m, g):
    """A line that was read, by a daemon that has ended since, is no hole because the ring has no longer got it."""
    m.sim.command("log", "a line that says nothing of any card")
    line = f"NVRM: Attempting to remove device {DISPLAY2} with non-zero usage count!"  # the first card records nothing
    m.sim.command("log", line)
    g.wait(DISPLAY2, lambda p: p["Reason"] == line, "the line as the reason")
    m.sim.command("overwrite-log")
    m.sim.command("log", "what the ring goes on with")
    restart(m, g)
    expect.equal(g.properties(DISPLAY)["ResetState"], "fresh", "reset state")


@scenario()
def log_that_went_round_before_it_was_read(m, g):
    """Nobody knows what was in it, whether the daemon listened or not."""
    m.daemon.send_signal(signal.SIGSTOP)
    m.sim.command("log", f"amdgpu {DISPLAY}: amdgpu: PCI CONFIG reset")
    m.sim.command("overwrite-log")
    m.daemon.send_signal(signal.SIGCONT)
    state_is(g, "unknown")
    event, old, new, reason = evidence()[-1]
    expect.equal((event, old, new), ("history-gap", "fresh", "unknown"), "the evidence")
    expect.true("kernel log" in reason, reason)
    state_is(g, "unknown", DISPLAY2)


@scenario()
def a_driver_that_cannot_let_go(m, g):
    line = f"NVRM: Attempting to remove device {DISPLAY2} with non-zero usage count!"
    m.sim.command("log", line)
    shown = g.wait(DISPLAY2, lambda p: p["Reason"] == line, "the line as the reason")
    expect.equal(shown["ResetState"], "fresh", "reset state")
    expect.equal(evidence()[-1], ("noted", "fresh", "fresh", line), "the evidence")


@scenario()
def a_driver_that_hangs(m, g):
    """WEDGED= of DRM: no better than a hole in the history, and what the driver asks for is the reason."""
    m.sim.command("wedged", 1, "none")
    m.sim.command("wedged", 2, "rebind,bus-reset")
    shown = state_is(g, "unknown", DISPLAY2)  # in order behind the first one
    expect.true("bound again, or for a bus reset" in shown["Reason"], shown["Reason"])
    expect.equal(g.properties(DISPLAY)["ResetState"], "fresh", "the card that has recovered")
    expect.equal([row[:3] for row in evidence()[-2:]],
                 [("noted", "fresh", "fresh"), ("wedged", "fresh", "unknown")], "the evidence")
    m.sim.command("wedged", 2, "unknown")
    g.wait(DISPLAY2, lambda p: p["Reason"] == "its driver says that it hung (WEDGED) and does not know what would help", "the reason")
    m.sim.command("wedged", 1, "bus-reset")
    expect.true("can lose" in state_is(g, "unknown")["Reason"], "what a bus reset does to a card of this family is not said")


@scenario()
def a_driver_that_hangs_in_prefail(m, g):
    arm(m, g)
    m.sim.command("wedged", 1, "vendor-specific")
    shown = g.wait(DISPLAY, lambda p: "vendor" in p["Reason"], "what the driver asks for")
    expect.equal(shown["ResetState"], "prefail", "reset state")
    expect.equal(evidence()[-1][:3], ("wedged", "prefail", "prefail"), "the evidence")
