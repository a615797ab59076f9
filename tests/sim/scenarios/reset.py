# SPDX-License-Identifier: LGPL-2.1-or-later
"""A reset by hand: of a card that no virtual machine has, by its family's own recipe, and never where that could do harm."""

import errno
import os

from simlib import expect
from simlib.machine import AUDIO, DISPLAY, DISPLAY2
from simlib.runner import scenario

UUID = "11111111-2222-3333-4444-555555555555"
REFUSED = """{ "version": 1, "families": [ { "family": "mine", "match": [{ "id": "1002:67df" }],
    "bus_reset": { "value": "wanted", "source": "a scenario" },
    "reset": { "source": "a scenario", "steps": [ { "do": "save-config" }, { "do": "explode" } ] } } ] }"""


def reset(m, address=DISPLAY):
    return m.ctl("reset", address)


def refused(m, words, address=DISPLAY):
    before = m.sim.card(1)
    status, out, err = reset(m, address)
    expect.equal((status, out), (1, ""), "exit status and output of a refused reset")
    expect.true(words in err, f"'{words}' in the reason: {err}")
    expect.equal(m.sim.card(1), before, "the card behind a refused reset")


def write(path, value):
    with open(f"/sys/bus/pci/{path}", "w", encoding="ascii") as file:
        file.write(value)


@scenario()
def reset_by_hand(m, g):
    """On vfio-pci, under its guard: written once, verified, and the card stays where it was."""
    refused(m, "amdgpu")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    before, status = m.sim.card(1), m.status(DISPLAY)
    exit_status, out, err = reset(m)
    expect.equal(exit_status, 0, f"exit status of a reset by hand: {err}")
    expect.true("is reset: owner guest, driver vfio-pci" in out, f"what it says: {out}")
    after = m.sim.card(1)
    expect.equal(int(after["config_resets"]), int(before["config_resets"]) + 1, "config resets")
    expect.equal(after["bus_resets"], "0", "bus resets")
    expect.equal([f["driver"] for f in m.status(DISPLAY)["functions"]], [f["driver"] for f in status["functions"]], "drivers")
    expect.equal(m.status(DISPLAY)["guard"], "stub-companion", "guard")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.unharmed(m)


@scenario()
def reset_needs_a_guard(m, g):
    """A card that somebody has put on vfio-pci with all its functions: refused, and the way out that it names is one."""
    for function in AUDIO, DISPLAY:
        write(f"devices/{function}/driver_override", "vfio-pci")
        write(f"devices/{function}/driver/unbind", function)
        write("drivers/vfio-pci/bind", function)
    g.wait(DISPLAY, lambda p: p["Owner"] == "guest", "the card with the guests")
    refused(m, "none is in force (`gpuswitchctl to-guest` sets one)")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    expect.equal(m.status(DISPLAY)["guard"], "stub-companion", "guard")
    status, _, err = reset(m)
    expect.equal(status, 0, f"exit status of a reset under a guard: {err}")
    expect.unharmed(m)


@scenario()
def reset_of_a_refused_quirk(m, g):
    """A quirk with a fault that speaks of the card: no VM start, and no reset by the entry that is sound; by hand it still switches."""
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    os.makedirs("/etc/gpuswitch/quirks.d")
    with open("/etc/gpuswitch/quirks.d/90-mine.json", "w", encoding="ascii") as file:
        file.write(REFUSED)
    expect.done(g.reload(), "Reload")
    before = m.sim.card(1)
    expect.refused(g.prepare(UUID, "win11", DISPLAY), "90-mine.json", "PrepareDomain")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest by hand")
    refused(m, "a quirk file that speaks of this card is refused")
    expect.refused(g.switch(DISPLAY, "Recover", rescan=True), "does not list", "Recover")
    expect.equal(m.sim.card(1)["config_resets"], before["config_resets"], "config resets")
    expect.equal(m.status(DISPLAY)["guard"], "stub-companion", "guard")
    os.unlink("/etc/gpuswitch/quirks.d/90-mine.json")
    expect.done(g.reload(), "Reload")
    status, _, err = reset(m)
    expect.equal(status, 0, f"exit status of a reset when the file is gone: {err}")
    expect.unharmed(m)


@scenario()
def reset_of_a_card_in_use(m, g):
    """Not under a virtual machine, nor while anybody has its group open."""
    expect.done(g.prepare(UUID, "win11", DISPLAY), "prepare")
    refused(m, "win11")
    expect.done(g.release(UUID), "release")
    g.wait_idle(DISPLAY)
    expect.done(g.switch(DISPLAY2, "ToGuest"), "a card without a reset to the guest")
    refused(m, "has none", DISPLAY2)


@scenario()
def reset_that_fails(m, g):
    """What cannot be put back is a card that is lost, with its evidence, and never a success."""
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    m.sim.fault("restore", "refuse", DISPLAY, "config", value="0x10=", errno=errno.EIO)
    status, _, err = reset(m)
    expect.equal(status, 1, "exit status")
    g.wait_idle(DISPLAY)
    shown = m.status(DISPLAY)
    expect.equal(shown["reset_state"], "failed", f"reset state after: {err}")
    expect.true(any(e["event"] == "quirk-reset-failed" for e in shown["evidence"]), "the failure in the time line")
    refused(m, "does not answer")


@scenario()
def reset_outlives_the_daemon(m, g):
    """Killed behind the write: the next daemon puts back what was wiped, and nobody counts it as a success."""
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    m.sim.fault("restore", "hold", DISPLAY, "config", value="0x10=")
    m.ctl_start("reset", DISPLAY)
    m.sim.wait_hit("restore")
    m.kill_daemon()
    m.sim.release("restore")
    m.start_daemon()
    g.wait_idle(DISPLAY)
    expect.unharmed(m)
    expect.equal(m.sim.card(1)["bus_resets"], "0", "bus resets")


@scenario()
def reset_is_no_way_to_the_guest(m, g):
    """Who asks for the card while it is being reset does not join that: the reset leaves it where it was."""
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest again")
    m.sim.fault("restore", "hold", DISPLAY, "config", value="0x10=")
    m.ctl_start("reset", DISPLAY)
    m.sim.wait_hit("restore")
    expect.refused(g.switch(DISPLAY, "ToGuest"), "being reset", "to-guest during a reset")
    m.sim.release("restore")
    g.wait_idle(DISPLAY)
    expect.equal(m.status(DISPLAY)["owner"], "guest", "owner")
    expect.unharmed(m)
