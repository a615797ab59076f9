# SPDX-License-Identifier: LGPL-2.1-or-later
"""`gpuswitchctl recover --rescan`: the card is taken off its bus and found again."""

import os
import subprocess

from simlib import expect
from simlib.machine import AUDIO, DISPLAY
from simlib.runner import scenario

from scenarios.evidence import evidence, restart, state_is

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
LOOK_ONLY = """{ "version": 1, "families": [ { "family": "mine", "match": [{ "id": "1002:67df" }],
"bus_reset": { "value": "forbidden", "source": "a test" } } ] }"""


def without_drivers(m, g):
    for function in AUDIO, DISPLAY:
        with open(f"/sys/bus/pci/devices/{function}/driver/unbind", "w", encoding="ascii") as file:
            file.write(function)
    g.wait(DISPLAY, lambda p: p["Owner"] == "none" and not p["Functions"][1]["driver"], "no drivers")


def writes(m, first):
    return [line for line in m.sim.record(first) if line[1] in ("remove", "rescan")]


@scenario()
def rescan_brings_it_back(m, g):
    """Companions go first; the driver that the kernel then chooses is a host bind like any other."""
    before = m.snapshot()
    without_drivers(m, g)
    first = len(m.sim.record())
    expect.equal(g.properties(DISPLAY)["Recoveries"], ["look", "suspend", "rescan"], "what its family lists")
    expect.done(g.switch(DISPLAY, "Recover", rescan=True), "Recover")
    done = writes(m, first)
    expect.equal([line[:2] for line in done[:2]], [(AUDIO, "remove"), (DISPLAY, "remove")], "writes")
    expect.equal([line[1] for line in done[2:]], ["rescan"], "the last write")
    g.wait(DISPLAY, lambda p: p is not None and p["Owner"] == "host" and len(p["Functions"]) == 2, "the card at home")
    expect.same(before, m.snapshot(), "at home")
    # The second host bind since power-up: of this family, one too many.
    state_is(g, "prefail")
    expect.equal([row[0] for row in evidence()[-2:]], ["noted", "host-bind"], "the evidence")
    expect.equal(m.sim.card(1)["bus_resets"], "0", "bus resets")


@scenario()
def rescan_of_a_failed_card(m, g):
    """One that answers again is no longer lost; what it has been through nobody knows."""
    without_drivers(m, g)
    m.sim.command("set", 1, "state", "failed")
    expect.done(g.switch(DISPLAY, "Recover"), "a look")
    state_is(g, "failed")
    m.sim.fault("gone", "hold", DISPLAY, "remove")
    call = g.start(DISPLAY, "Recover", rescan=True)
    m.sim.wait_hit("gone")
    m.sim.command("set", 1, "state", "touched")
    m.sim.release("gone")
    expect.done(g.finish(call), "Recover")
    g.wait(DISPLAY, lambda p: p is not None and p["Owner"] == "host", "the card at home")
    expect.equal([row[:3] for row in evidence()[-2:]],
                 [("config-alive", "failed", "unknown"), ("host-bind", "unknown", "unknown")], "the evidence")


@scenario()
def rescan_does_not_find_it(m, g):
    without_drivers(m, g)
    m.sim.command("set", 1, "state", "failed")
    expect.refused(g.switch(DISPLAY, "Recover", rescan=True), "not found again", "Recover")
    g.wait(DISPLAY, lambda p: p is None, "the card to go")


@scenario()
def rescan_is_refused(m, g):
    """Under a host driver, while a virtual machine has it, and together with a suspend."""
    first = len(m.sim.record())
    expect.refused(g.switch(DISPLAY, "Recover", rescan=True), "amdgpu", "Recover of a card at home")
    expect.refused(g.switch(DISPLAY, "Recover", rescan=True, suspend=True), "one of them", "Recover both ways")
    expect.equal(m.sim.record()[first:], [], "writes")
    expect.done(g.prepare(UUID, "win11", DISPLAY), "PrepareDomain")
    expect.refused(g.switch(DISPLAY, "Recover", rescan=True), "win11", "Recover of a card that a machine has")
    expect.equal(writes(m, first), [], "writes")
    expect.done(g.release(UUID), "ReleaseDomain")


@scenario()
def rescan_is_not_listed(m, g):
    """What the quirk of the family does not list is refused, by name."""
    os.makedirs("/etc/gpuswitch/quirks.d")
    with open("/etc/gpuswitch/quirks.d/90-mine.json", "w", encoding="ascii") as file:
        file.write(LOOK_ONLY)
    restart(m, g)
    without_drivers(m, g)
    expect.equal(g.properties(DISPLAY)["Recoveries"], ["look"], "what its family lists")
    expect.refused(g.switch(DISPLAY, "Recover", rescan=True), "does not list", "Recover")
    expect.refused(g.switch(DISPLAY, "Recover", suspend=True), "does not list", "Recover")
    expect.done(g.switch(DISPLAY, "Recover"), "a look")


@scenario()
def rescan_by_the_client(m, g):
    without_drivers(m, g)
    m.sim.command("set", 1, "state", "failed")
    look = subprocess.run(["gpuswitchctl", "recover", DISPLAY], capture_output=True, text=True, check=True).stdout
    expect.true(f"gpuswitchctl recover {DISPLAY} --rescan" in look, look)
    m.sim.command("set", 1, "state", "touched")
    done = subprocess.run(["gpuswitchctl", "recover", "--rescan", DISPLAY], capture_output=True, text=True, check=True).stdout
    expect.true("is back on its bus" in done, done)
    state_is(g, "unknown")
    explained = subprocess.run(["gpuswitchctl", "explain", DISPLAY], capture_output=True, text=True, check=False).stdout
    expect.true("gpuswitchctl recover, also with --suspend, or with --rescan" in explained, explained)
