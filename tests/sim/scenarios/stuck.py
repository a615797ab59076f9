# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is said of a card that is stuck, and time that runs out in the middle of a step."""

from simlib import expect
from simlib.machine import AUDIO, DISPLAY
from simlib.runner import scenario

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"


def words(shown):
    """All but where in the kernel it is just now: there is no kernel, and the simulator's moves on."""
    detail = {key: value for key, value in shown["StuckDetail"].items() if not key.startswith("kernel")}
    return shown["Stuck"], detail


@scenario(shim=True)
def stuck_words(m, g):
    """What hangs, and a daemon that starts anew says the same, at once: the time of that step was over before."""
    m.sim.fault("fault", "hold", DISPLAY, "unbind", value="amdgpu")
    call = g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("fault")
    m.advance(23)
    error = g.finish(call)
    write = f"write {DISPLAY} to /sys/bus/pci/drivers/amdgpu/unbind"
    expect.refused(error, f"{write} has not come back", "to the guest")
    expect.refused(error, f"explain {DISPLAY}", "to the guest")
    shown = g.wait_stuck(DISPLAY)
    detail = shown["StuckDetail"]
    expect.equal(detail["action"], write, "action")
    expect.equal(detail["step"], f"unbind {DISPLAY} from amdgpu", "step")
    expect.equal(detail["function"], DISPLAY, "function")
    expect.equal([detail["pid"]], m.helpers(), "helper")
    expect.true("hold the power button" in "".join(detail["help"]), detail["help"])
    expect.true(shown["StuckReason"].startswith(f"unbind {DISPLAY} from amdgpu: {write} has not come back (since "),
                shown["StuckReason"])

    m.stop_daemon()
    m.start_daemon(shim=True)
    expect.equal(words(g.properties(DISPLAY)), words(shown), "words after the restart")
    m.sim.release("fault")
    shown = g.wait_stuck(DISPLAY, False)
    expect.equal((shown["StuckReason"], shown["StuckDetail"]), ("", {}), "words of a card that is not stuck")
    g.wait_idle(DISPLAY)


@scenario(shim=True)
def stuck_has_time_left(m, g):
    """A daemon that starts anew gives the helper what is left of its step's time, not more."""
    m.sim.fault("fault", "hold", DISPLAY, "unbind", value="amdgpu")
    call = g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("fault")
    m.advance(15)
    m.stop_daemon()
    g.finish(call)
    m.start_daemon(shim=True)
    expect.equal(g.properties(DISPLAY)["Stuck"], False, "stuck after 15 s")
    expect.refused(g.switch(DISPLAY, "ToGuest"), "unfinished", "to the guest meanwhile")
    m.advance(6)
    g.wait_stuck(DISPLAY)
    m.sim.release("fault")
    g.wait_stuck(DISPLAY, False)
    g.wait_idle(DISPLAY)


@scenario(shim=True)
def stuck_look(m, g):
    """A helper that only looks at a card is on no record: it is found by its lock."""
    before = m.snapshot()
    m.sim.fault("read", "hold", DISPLAY, "config", kind="r")
    call = g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("read")
    m.advance(15)
    expect.refused(g.finish(call), "read the configuration space", "to the guest")
    shown = g.wait_stuck(DISPLAY)
    expect.equal(shown["StuckDetail"]["step"], f"look at {DISPLAY}", "step")

    m.stop_daemon()
    m.start_daemon(shim=True)
    expect.refused(g.switch(DISPLAY, "ToGuest"), "", "to the guest, while the earlier helper is there")
    m.advance(15)
    expect.equal(words(g.wait_stuck(DISPLAY)), words(shown), "words after the restart")
    m.sim.release("read")
    g.wait_stuck(DISPLAY, False)
    expect.same(before, m.snapshot(), "after it has come back")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")


@scenario(shim=True)
def start_time_over_in_mid_step(m, g):
    """The 45 s of a start end while a step still has time: it is waited for, all is put back, the start refused."""
    before = m.snapshot()
    holds = [("audio", AUDIO, "unbind", "snd_hda_intel"), ("display", DISPLAY, "unbind", "amdgpu"),
             ("guest", DISPLAY, "bind", "vfio-pci")]
    for name, function, file, driver in holds:
        m.sim.fault(name, "hold", function, file, value=driver)
    call = g.begin_prepare(UUID, "win11", DISPLAY)
    for name, *_ in holds:
        m.sim.wait_hit(name)
        m.advance(16)
        expect.equal(g.properties(DISPLAY)["Stuck"], False, "stuck")
        m.sim.release(name)
    expect.refused(g.finish(call), "was not ready in time", "start")
    expect.same(before, m.snapshot(), "after the undo")
    expect.equal(g.properties(DISPLAY)["Domain"], {}, "domain")
    expect.done(g.prepare(UUID, "win11", DISPLAY), "the next start")


@scenario(shim=True)
def start_time_over_and_stuck(m, g):
    """The 45 s of a start end while a step is held for good: when its own time is over, the start is refused as stuck."""
    m.sim.fault("audio", "hold", AUDIO, "unbind", value="snd_hda_intel")
    m.sim.fault("display", "hold", DISPLAY, "unbind", value="amdgpu")
    call = g.begin_prepare(UUID, "win11", DISPLAY)
    m.sim.wait_hit("audio")
    m.advance(19)
    m.sim.release("audio")
    m.sim.wait_hit("display")
    m.advance(21)
    expect.refused(g.finish(call), "is stuck", "start")
    g.wait_stuck(DISPLAY)
    m.sim.release("display")
    g.wait_stuck(DISPLAY, False)
    g.wait_idle(DISPLAY)
