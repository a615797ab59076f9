# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is kept of the past: what has come of resets, and on what a card's state is based."""

import errno
import json
import os
import re

from simlib import expect, namespace
from simlib.machine import DISPLAY, DISPLAY2
from simlib.runner import scenario

BOOT_ID = "/proc/sys/kernel/random/boot_id"


def report(m):
    status, out, err = m.ctl("quirks", "report")
    expect.equal((status, err), (0, ""), "gpuswitchctl quirks report")
    expect.equal([word for word in (DISPLAY, "unique:", "slot", open(BOOT_ID).read().strip(), os.uname().nodename) if word in out],
                 [], "what the report must not tell")
    return json.loads(out)["outcomes"]


def counted(m, tries, successes, failures, what):
    expect.equal(report(m), [{"vendor_id": "1002", "device_id": "67df", "subsystem_vendor_id": "1da2",
                              "subsystem_device_id": "e353", "family": m.status(DISPLAY)["family"],
                              "kernel": os.uname().release, "method": "vi-config",
                              "tries": tries, "successes": successes, "failures": failures}], what)


def time_line(m):
    return [(e["event"], e["old_state"], e["new_state"], e["this_boot"]) for e in m.status(DISPLAY)["evidence"]]


def refused_in(m, g, file, value):
    m.sim.fault(file.replace("/", "-"), "refuse", DISPLAY, file, value=value, errno=errno.EIO)
    expect.true(g.switch(DISPLAY, "ToGuest") is not None, f"a switch in which {file} cannot be written")
    g.wait_idle(DISPLAY)


@scenario()
def outcomes(m, g):
    """A reset is counted where it is tried, once, whatever happens before and after it."""
    expect.equal(report(m), [], "outcomes before there are any")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    counted(m, 1, 1, 0, "after a reset")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest, where it is")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    counted(m, 1, 1, 0, "after the way home")
    expect.done(g.switch(DISPLAY2, "ToGuest"), "a card without a reset to the guest")
    expect.done(g.switch(DISPLAY2, "ToHost"), "home")
    refused_in(m, g, "driver_override", "vfio-pci")
    counted(m, 1, 1, 0, "after a switch that has failed before the reset")
    refused_in(m, g, "power/control", "on")
    counted(m, 2, 2, 0, "after a switch that has failed behind the reset")
    m.stop_daemon()
    m.start_daemon()
    counted(m, 2, 2, 0, "told by the next daemon")
    refused_in(m, g, "config", "0x10=")
    expect.equal(m.status(DISPLAY)["reset_state"], "failed", "reset state")
    counted(m, 3, 2, 1, "after a reset that has failed")


@scenario()
def time_line_of_a_card(m, g):
    """Every transition is in it, over daemons and boots, and what changes nothing is not."""
    first = ("first-sight", None, "fresh", True)
    expect.equal(time_line(m), [first], "first sight")
    for _ in range(2):
        expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
        expect.done(g.switch(DISPLAY, "ToHost"), "home")
    cycle = [first, ("host-unbind", "fresh", "touched", True), ("quirk-reset-ok", "touched", "prefail", True)]
    expect.equal(time_line(m), cycle, "after two switches")
    expect.equal(list(m.status(DISPLAY2)["evidence"])[1:], [], "time line of the other card")
    m.stop_daemon()
    m.start_daemon()
    expect.equal(time_line(m), cycle, "told by the next daemon")

    m.stop_daemon()
    with open("/run/boot_id", "w") as file:
        file.write("0b5a1c8e-5f1e-4c56-9d0a-2f6a1e1b0002\n")
    namespace.mount("/run/boot_id", BOOT_ID, None, namespace.MS_BIND)
    m.start_daemon()
    old = [entry[:3] + (False,) for entry in cycle]
    state = m.status(DISPLAY)["reset_state"]
    expect.equal(time_line(m), old + [("first-sight", "prefail", state, True)], "in the next boot")
    status, out, _ = m.ctl("status", DISPLAY)
    expect.equal(status, 0, "gpuswitchctl status")
    lines = out[out.index("   Time line: "):].splitlines()[:5]
    expect.true("fresh -> touched" in lines[1] and re.search(r"\d\d:\d\d:\d\d", lines[1]), out)
    expect.true("-- this boot --" in lines[3] and f"  prefail -> {state}" in lines[4], out)

    refused_in(m, g, "config", "0x10=")
    event, _, new, _ = time_line(m)[-1]
    expect.equal((event, new), ("quirk-reset-failed", "failed"), "the last entry after a reset that has failed")
    expect.done(g.switch(DISPLAY, "Recover"), "Recover")
    expect.equal(time_line(m)[-1], ("config-alive", "failed", "unknown", True), "and after it was looked at")


@scenario()
def outcome_of_a_reset_that_is_cut_off(m, g):
    """It was tried; what has come of it is not known, whatever the next daemon meets while it tidies up."""
    m.sim.fault("reset", "hold", DISPLAY, "config", value="0x7c=")
    g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("reset")
    m.kill_daemon()
    m.sim.fault("restore", "refuse", DISPLAY, "config", value="0x10=", errno=errno.EIO, forever=1)
    m.sim.release("reset")
    m.start_daemon()
    g.wait_idle(DISPLAY)
    expect.equal(time_line(m)[-1][:1] + time_line(m)[-1][2:], ("quirk-reset-failed", "failed", True), "the last entry")
    counted(m, 1, 0, 0, "after a reset that was cut off")
    expect.true("could not record" not in m.log(), "the log speaks of an outcome that could not be recorded")
