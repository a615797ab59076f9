# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The machine sleeps: the kernel's own words in its log decide whether the cards have lost their power, whoever sent it to sleep;
logind's signals and its lock keep switches out of the way.
"""

import json

from simlib import expect
from simlib.bus import Bus
from simlib.logind import Logind
from simlib.machine import AUDIO, DISPLAY, DISPLAY2, Failure
from simlib.runner import add, scenario

from scenarios.evidence import BARS, arm, evidence, restart, state_is

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
ENTRY, FIRMWARE = "PM: suspend entry (deep)", "ACPI: PM: Low-level resume complete"
WAKING, EXIT = "ACPI: PM: Waking up from system sleep state S3", "PM: suspend exit"
S3 = (ENTRY, "ACPI: PM: Preparing to enter system sleep state S3", "ACPI: PM: Saving platform NVS memory", FIRMWARE,
      "ACPI: PM: Restoring platform NVS memory", WAKING, EXIT)
PM_TEST = (ENTRY, "ACPI: PM: Preparing to enter system sleep state S3", "PM: suspend debug: Waiting for 5 second(s).", WAKING, EXIT)
S2IDLE = ("PM: suspend entry (s2idle)", EXIT)
COLD = ("cold-start", "prefail", "fresh")


def says(m, *lines):
    for line in lines:
        m.sim.command("log", line)


def cold_start(m):
    """What S3 does to card 1 of the simulator; its driver sets it up again."""
    m.sim.command("set", 1, "state", "fresh")


@scenario()
def slept_in_prefail(m, g):
    arm(m, g)
    cold_start(m)
    says(m, *S3)
    shown = state_is(g, "fresh")
    expect.true("S3" in shown["Reason"], shown["Reason"])
    g.wait_idle(DISPLAY)
    expect.equal([row[:3] for row in evidence()[-2:]], [COLD, ("host-bind", "fresh", "fresh")], "the evidence")
    restart(m, g)  # and the next daemon counts the same sleep not again
    state_is(g, "fresh")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    expect.unharmed(m)


def slept_without_proof(lines, words):
    def run(m, g):
        arm(m, g)
        says(m, *lines)
        shown = g.wait(DISPLAY, lambda p: "no loss of power is proven" in p["Reason"], "the reason")
        expect.true(words in shown["Reason"], shown["Reason"])
        expect.equal(shown["ResetState"], "prefail", "reset state")
        expect.equal(evidence()[-1][:3], ("noted", "prefail", "prefail"), "the evidence")
        restart(m, g)
        expect.equal(g.properties(DISPLAY)["ResetState"], "prefail", "reset state as the next daemon knows it")
    return run


add("slept-without-proof-s2idle", slept_without_proof(S2IDLE, "(s2idle)"))
add("slept-without-proof-pm-test", slept_without_proof(PM_TEST, "firmware"))
add("slept-without-proof-devices", slept_without_proof((ENTRY, EXIT), "firmware"))


@scenario()
def slept_in_words_of_a_process(m, g):
    """Whoever may write to /dev/kmsg still does not speak for the kernel."""
    arm(m, g)
    for line in S3:
        with open("/dev/kmsg", "w") as log:
            log.write(line)
    says(m, *S2IDLE)
    g.wait(DISPLAY, lambda p: "s2idle" in p["Reason"], "the kernel's own words")
    expect.equal(g.properties(DISPLAY)["ResetState"], "prefail", "reset state")


@scenario()
def slept_while_nobody_listened(m, g):
    arm(m, g)
    m.stop_daemon()
    cold_start(m)
    says(m, *S3)
    m.start_daemon()
    state_is(g, "fresh")


@scenario()
def slept_and_does_not_answer(m, g):
    arm(m, g)
    m.sim.command("set", 1, "state", "failed")
    says(m, *S3)
    state_is(g, "failed")
    expect.true(COLD not in [row[:3] for row in evidence()], "a card that does not answer was taken for a new one")


@scenario()
def slept_in_failed(m, g):
    """A card that was lost and answers after a loss of power is fresh."""
    m.sim.command("log", f"amdgpu {DISPLAY}: not ready 65535ms after bus reset; giving up")
    state_is(g, "failed")
    says(m, *S3)
    state_is(g, "fresh")


@scenario()
def slept_and_worse_behind_it(m, g):
    """What is said between the loss of power and the look at the card is of the time after the loss."""
    arm(m, g)
    says(m, *S3[:-1], f"amdgpu {DISPLAY}: amdgpu: PCI CONFIG reset", EXIT)
    g.wait(DISPLAY, lambda p: any(row[:3] == ("reset-line", "fresh", "prefail") for row in evidence()), "the line behind the sleep")
    expect.equal(g.properties(DISPLAY)["ResetState"], "prefail", "reset state")


@scenario()
def slept_with_a_guest(m, g):
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    state_is(g, "prefail")
    cold_start(m)
    says(m, *S3)
    state_is(g, "touched")
    expect.equal([row[:3] for row in evidence()[-2:]], [COLD, ("guest-open", "fresh", "touched")], "the evidence")


@scenario()
def slept_in_the_middle_of_a_switch(m, g):
    """Nobody can say what came first: it counts for nothing."""
    arm(m, g)
    m.sim.fault("slow", "hold", DISPLAY, "unbind")
    call = g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("slow")
    says(m, *S3)
    g.wait(DISPLAY, lambda p: any("middle of a switch" in row[3] for row in evidence()), "that it was noticed")
    m.sim.release("slow")
    expect.done(g.finish(call), "to the guest")
    expect.equal(g.properties(DISPLAY)["ResetState"], "prefail", "reset state")


@scenario()
def hibernated(m, g):
    says(m, "ACPI: PM: Waking up from system sleep state S4", "PM: hibernation: hibernation exit")
    state_is(g, "unknown")
    state_is(g, "unknown", DISPLAY2)


@scenario()
def no_switch_on_the_way_to_sleep(m, g):
    logind = Logind()
    before = m.snapshot()
    logind.prepare_for_sleep(True)
    expect.refused(g.prepare(UUID, "vm", DISPLAY), "going to sleep", "PrepareDomain")
    expect.refused(g.switch(DISPLAY, "ToGuest"), "going to sleep", "to the guest")
    expect.same(before, m.snapshot(), "behind it")
    logind.prepare_for_sleep(False)
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain when awake")
    logind.prepare_for_sleep(True)
    expect.done(g.release(UUID), "ReleaseDomain")
    g.wait(DISPLAY, lambda p: dict(p["Domain"]) == {}, "the release")
    expect.equal(m.snapshot()[DISPLAY]["driver"], "vfio-pci", "driver while the machine goes to sleep")
    logind.prepare_for_sleep(False)
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home when awake")
    # Nobody is left who would say that it is awake.
    logind.prepare_for_sleep(True)
    expect.refused(g.switch(DISPLAY, "ToGuest"), "going to sleep", "to the guest")
    logind.go()
    for _ in range(50):  # the bus tells of it in its own time, in order with the answers
        error = g.switch(DISPLAY, "ToGuest")
        if error is None:
            return
    raise Failure(f"logind has gone, and still: {error}")


@scenario()
def a_stranger_says_sleep(m, g):
    """A signal to the daemon alone is nobody's who may say so."""
    logind, stranger = Logind(), Bus()
    stranger.emit("/org/freedesktop/login1", "org.freedesktop.login1.Manager", "PrepareForSleep", "b", True,
                      destination="org.gpuswitch1")
    stranger.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    logind.go()


@scenario()
def sleep_waits_for_a_switch(m, g):
    logind = Logind()
    m.sim.fault("slow", "hold", DISPLAY, "unbind")
    call = g.start(DISPLAY, "ToGuest")
    (what, who, _, mode), lock = logind.give_lock()
    expect.equal((what, who, mode), ("sleep", "gpuswitchd", "delay"), "the lock")
    m.sim.wait_hit("slow")
    logind.prepare_for_sleep(True)
    expect.refused(g.switch(DISPLAY2, "ToGuest"), "going to sleep", "another card")
    expect.true(logind.is_held(lock), "the lock is not held in the middle of a switch")
    m.sim.release("slow")
    expect.done(g.finish(call), "to the guest")
    logind.wait_let_go(lock)


@scenario()
def sleep_does_not_wait_for_what_hangs(m, g):
    logind = Logind()
    m.stop_daemon()
    m.start_daemon(shim=True)
    m.sim.fault("hang", "hold", DISPLAY, "unbind")
    g.wait(DISPLAY, lambda p: p is not None, "the daemon")
    call = g.start(DISPLAY, "ToGuest")
    _, lock = logind.give_lock()
    m.sim.wait_hit("hang")
    m.advance(21)
    g.wait_stuck(DISPLAY)
    logind.wait_let_go(lock)
    g.finish(call)
    m.sim.release("hang")
    g.wait_stuck(DISPLAY, False)


@scenario()
def a_lock_that_comes_too_late(m, g):
    logind = Logind()
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")  # which waits for no answer
    _, lock = logind.give_lock()
    logind.wait_let_go(lock)


# --- suspend as recovery


def begin_recover(m, address=DISPLAY):
    return m.ctl_start("recover", address, "--suspend")


def end_recover(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def sleeps(m, logind, *lines):
    """What logind and the kernel do once Suspend() is asked for."""
    call = logind.wait_call("Suspend")
    expect.equal(call.body, [False], "the arguments of Suspend")
    expect.true(("-", "wakealarm", "+10") in m.sim.record(), f"no alarm is set: {m.sim.record()[-1:]}")
    logind.bus.reply(call)
    logind.prepare_for_sleep(True)
    says(m, *lines)
    logind.prepare_for_sleep(False)


def counted(m):
    """Of suspends as recovery: tries, successes, failures; None: there was none."""
    rows = [o for o in json.loads(m.ctl("quirks", "report")[1])["outcomes"] if o["method"] == "suspend"]
    return tuple(rows[0][key] for key in ("tries", "successes", "failures")) if rows else None


@scenario()
def recover_by_suspend(m, g):
    arm(m, g)
    logind = Logind()
    process = begin_recover(m)
    call = logind.wait_call("Suspend")
    expect.refused(g.switch(DISPLAY2, "ToGuest"), "going to sleep", "a switch on the way there")
    expect.refused(g.prepare(UUID, "vm", DISPLAY), "going to sleep", "a virtual machine's start")
    logind.bus.calls.insert(0, call)
    cold_start(m)
    sleeps(m, logind, *S3)
    status, out, err = end_recover(process)
    expect.equal(status, 0, f"gpuswitchctl recover --suspend ({err})")
    expect.true("reset state fresh" in out, out)
    expect.equal(g.properties(DISPLAY)["ResetState"], "fresh", "reset state")
    expect.equal(counted(m), (1, 1, 0), "what has come of suspends")
    expect.done(g.switch(DISPLAY2, "ToGuest"), "the switch, when awake")


def recover_in_vain(lines, words, counts, prepare=lambda m, g: None):
    def run(m, g):
        arm(m, g)
        logind = Logind()
        process = begin_recover(m)
        call = logind.wait_call("Suspend")
        logind.bus.calls.insert(0, call)
        prepare(m, g)
        sleeps(m, logind, *lines)
        status, _, err = end_recover(process)
        expect.equal(status, 1, f"gpuswitchctl recover --suspend ({err})")
        expect.true(words in err, err)
        expect.true("remove" in err, err)
        expect.true(g.properties(DISPLAY)["ResetState"] in ("prefail", "failed"), "reset state")
        expect.equal(counted(m), counts, "what has come of suspends")
    return run


add("recover-in-vain-pm-test", recover_in_vain(PM_TEST, "turned round", (1, 0, 0)))
add("recover-in-vain-s2idle", recover_in_vain(S2IDLE, "no deep suspend", (1, 0, 0)))
add("recover-in-vain-dead", recover_in_vain(S3, "does not answer", (1, 0, 1), lambda m, g: m.sim.command("set", 1, "state", "failed")))


@scenario()
def recover_without_logind(m, g):
    arm(m, g)
    status, _, err = end_recover(begin_recover(m))
    expect.equal(status, 1, "gpuswitchctl recover --suspend")
    expect.true("was not suspended" in err and "logind says" in err, err)
    expect.done(g.switch(DISPLAY, "ToGuest"), "a switch behind it")


@scenario()
def recover_and_logind_says_no(m, g):
    arm(m, g)
    logind = Logind()
    process = begin_recover(m)
    logind.bus.refuse(logind.wait_call("Suspend"), "org.freedesktop.DBus.Error.AccessDenied", "Somebody plays a film")
    status, _, err = end_recover(process)
    expect.equal(status, 1, "gpuswitchctl recover --suspend")
    expect.true("Somebody plays a film" in err, err)
    expect.equal(counted(m), None, "a suspend that did not happen")
    expect.equal(g.properties(DISPLAY)["ResetState"], "prefail", "reset state")


@scenario()
def recover_and_nothing_comes(m, g):
    arm(m, g)
    m.stop_daemon()
    m.start_daemon(shim=True)
    g.wait(DISPLAY, lambda p: p is not None, "the daemon")
    logind = Logind()
    process = begin_recover(m)
    logind.bus.reply(logind.wait_call("Suspend"))
    logind.prepare_for_sleep(True)  # in order behind the answer
    expect.refused(g.switch(DISPLAY, "ToGuest"), "going to sleep", "a switch")
    m.advance(121)
    status, _, err = end_recover(process)
    expect.equal(status, 1, "gpuswitchctl recover --suspend")
    expect.true("has not told" in err, err)


def recover_refused(words, prepare, state="prefail"):
    def run(m, g):
        logind = Logind()
        if state == "prefail":
            arm(m, g)
        prepare(m, g)
        before = m.sim.record()
        status, _, err = end_recover(begin_recover(m))
        expect.equal(status, 1, "gpuswitchctl recover --suspend")
        expect.true(words in err, err)
        expect.equal(m.sim.record(), before, "what was written")
        logind.bus.drain()
        expect.equal([call.member for call in logind.bus.calls if call.member == "Suspend"], [], "what logind was asked for")
    return run


add("recover-refused-fresh", recover_refused("any better", lambda m, g: None, state="fresh"))
add("recover-refused-guest", recover_refused("belongs to virtual machine",
                                             lambda m, g: expect.done(g.prepare(UUID, "vm", DISPLAY2), "PrepareDomain")))
add("recover-refused-s2idle-only", recover_refused("no deep suspend", lambda m, g: m.sim.command("machine", "mem_sleep", "[s2idle]")))
add("recover-refused-not-selected", recover_refused("echo deep >", lambda m, g: m.sim.command("machine", "mem_sleep", "[s2idle] deep")))
add("recover-refused-alarm", recover_refused("set already", lambda m, g: m.sim.command("machine", "wake_alarm", 1)))


@scenario()
def recover_looks_again(m, g):
    """Without --suspend: a card that was lost and answers is not to be trusted, and no more."""
    m.sim.command("log", f"amdgpu {DISPLAY}: not ready 65535ms after bus reset; giving up")
    state_is(g, "failed")
    status, out, err = m.ctl("recover", DISPLAY)
    expect.equal(status, 0, f"gpuswitchctl recover ({err})")
    expect.true("reset state unknown" in out, out)
    status, _, err = m.ctl("to-guest", "--suspend", DISPLAY)
    expect.equal(status, 2, "an option that to-guest does not take")


@scenario()
def recover_and_the_card_has_gone(m, g):
    """It is not on the bus any more when the machine wakes up: the answer comes all the same, and says what helps."""
    arm(m, g)
    m.stop_daemon()
    m.start_daemon(shim=True)
    g.wait(DISPLAY, lambda p: p is not None, "the daemon")
    logind = Logind()
    process = begin_recover(m)
    call = logind.wait_call("Suspend")
    for function in AUDIO, DISPLAY:
        with open(f"/sys/bus/pci/devices/{function}/remove", "w") as remove:
            remove.write("1")
    g.wait(DISPLAY, lambda p: p is None, "the card to go")
    m.sim.command("log", BARS.format(DISPLAY2))
    state_is(g, "unknown", DISPLAY2)
    logind.bus.calls.insert(0, call)
    sleeps(m, logind, *S3)
    state_is(g, "fresh", DISPLAY2)  # by then it has heard the kernel
    m.advance(121)
    status, _, err = end_recover(process)
    expect.equal(status, 1, "gpuswitchctl recover --suspend")
    expect.true("rescan" in err, err)
