# SPDX-License-Identifier: LGPL-2.1-or-later
"""Other machines than the usual one, and what happens around a switch."""

import errno
import os
import signal

from simlib import expect
from simlib.machine import AUDIO, DISPLAY, DISPLAY2
from simlib.runner import scenario

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"


def there_and_back(m, g):
    before = m.snapshot()
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    there = m.snapshot()
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.same(before, m.snapshot(), "after the way home")
    expect.unharmed(m)
    return there


@scenario(options=("--no-stub",))
def no_pci_stub(m, g):
    """Without the module the companion is pinned driverless, which guards as well."""
    there = there_and_back(m, g)
    expect.equal(there[AUDIO]["driver"], "", "driver of the companion")
    expect.equal(there[AUDIO]["override"], "gpuswitch-none", "its override")


@scenario(options=("--separate",))
def separate_groups(m, g):
    there_and_back(m, g)


@scenario(options=("--no-drivers",))
def no_driver_is_a_home(m, g):
    there = there_and_back(m, g)
    expect.equal(there[DISPLAY]["driver"], "vfio-pci", "driver with the guest")


@scenario(cards=("polaris", "pascal") * 10)
def twenty_cards(m, g):
    """All at once, there and back."""
    addresses = [f"0000:{bus:02x}:00.0" for bus in range(1, 21)]
    before = m.sim.state()["functions"]
    for method, owner in ("ToGuest", "guest"), ("ToHost", "host"):
        calls = [g.start(address, method) for address in addresses]
        for call, address in zip(calls, addresses):
            expect.done(g.finish(call), f"{method} of {address}")
        for address in addresses:
            expect.equal(g.properties(address)["Owner"], owner, f"owner of {address}")
    for name, values in m.sim.state()["functions"].items():
        for key in "driver", "override", "control", "d3cold", "bars":
            expect.equal(values[key], before[name][key], f"{key} of {name}")
    expect.unharmed(m)


@scenario()
def lockdown(m, g):
    """Configuration space cannot be written: said before anything is done."""
    m.sim.command("machine", "lockdown", 1)
    before = m.snapshot()
    expect.refused(g.switch(DISPLAY, "ToGuest"), "lock", "to the guest")
    expect.same(before, m.snapshot(), "after the refusal")
    expect.equal(m.sim.record(), [], "writes")


@scenario()
def late_uevents(m, g):
    """udev tells of our own steps when they are long over: nothing is taken for somebody else's doing."""
    m.sim.command("uevents", "hold")
    there_and_back(m, g)
    m.sim.command("uevents", "release")
    with open("/sys/bus/pci/drivers/nouveau/unbind", "w") as file:
        file.write(DISPLAY2)
    g.wait(DISPLAY2, lambda p: p["Owner"] == "none", "the event behind them")
    expect.equal(g.properties(DISPLAY)["Owner"], "host", "owner")
    expect.true(f"GPU {DISPLAY}: somebody else" not in m.log(), "our own steps were taken for somebody else's")
    expect.true(f"GPU {DISPLAY2}: somebody else" in m.log(), "somebody else's step was not told")


@scenario()
def dead_from_the_beginning(m, g):
    m.sim.command("set", 1, "state", "failed")
    expect.refused(g.switch(DISPLAY, "ToGuest"), "all ones", "to the guest")
    expect.equal(g.properties(DISPLAY)["ResetState"], "failed", "reset state")
    expect.equal(m.sim.record(), [], "writes")


@scenario()
def survey_fails(m, g):
    """The card cannot be looked at: refused before anything is done, and the next time it works."""
    for file in "config", "driver_override", "power/control", "d3cold_allowed":
        m.sim.fault(file, "refuse", AUDIO, file, kind="r", errno=errno.EIO)
        expect.refused(g.switch(DISPLAY, "ToGuest"), "Input/output", f"to the guest, without {file}")
        expect.equal(m.sim.record(), [], "writes")
    there_and_back(m, g)


@scenario(shim=True)
def survey_hangs(m, g):
    """A read that hangs makes the card stuck, not the daemon."""
    m.sim.fault("read", "hold", DISPLAY, "config", kind="r")
    call = g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("read")
    expect.done(g.switch(DISPLAY2, "ToGuest"), "the other card")
    m.advance(15)
    expect.refused(g.finish(call), "stuck", "to the guest")
    g.wait_stuck(DISPLAY)
    m.sim.release("read")
    g.wait_stuck(DISPLAY, False)
    there_and_back(m, g)


@scenario(shim=True)
def group_is_never_let_go(m, g):
    """A virtual machine that does not end: the way home is given up, and nothing has been touched."""
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    there = m.snapshot()
    m.sim.command("guest", "start", 1)
    m.sim.fault("asked", "notice", file="vfio/2", kind="o")
    call = g.start(DISPLAY, "ToHost")
    m.sim.wait_hit("asked")
    m.advance(89)  # the helper gives up two seconds before the daemon gives it up
    expect.refused(g.finish(call), "vfio/2", "home")
    expect.same(there, m.snapshot(), "after the refusal")
    m.sim.command("guest", "stop", 1)
    expect.done(g.switch(DISPLAY, "ToHost"), "home")


@scenario()
def group_is_busy(m, g):
    """A companion that is to leave vfio-pci while a machine holds the group stays where it is."""
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    m.sim.command("guest", "start", 1)
    call = g.start(DISPLAY, "ToHost")
    g.wait(DISPLAY, lambda p: p["Owner"] == "switching", "the way home")
    m.sim.command("guest", "stop", 1)
    expect.done(g.finish(call), "home")
    expect.equal(m.sim.card(1)["bus_resets"], "0", "bus resets")


@scenario()
def same_goal_is_joined(m, g):
    m.sim.fault("held", "hold", DISPLAY, "unbind")
    first = g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("held")
    second = g.start(DISPLAY, "ToGuest")
    third = g.start(DISPLAY, "ToHost")
    expect.refused(g.finish(third), "Busy", "to the host meanwhile")
    m.sim.release("held")
    expect.done(g.finish(first), "first")
    expect.done(g.finish(second), "second")
    expect.equal(sum(line[1] == "unbind" and line[0] == DISPLAY for line in m.sim.record()), 1, "unbinds")


@scenario()
def policy_stay(m, g):
    """`return: stay`: the card waits on vfio-pci behind its machine."""
    with open("/etc/gpuswitch/policy.d/stay.json", "w") as file:
        file.write('{"version": 1, "cards": [{"match": {"address": "%s"}, "return": "stay"}]}' % DISPLAY)
    m.daemon.send_signal(signal.SIGHUP)
    g.wait(DISPLAY, lambda p: p["ReturnTo"] == "stay", "the policy")
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    expect.done(g.release(UUID), "ReleaseDomain")
    expect.equal(g.wait_idle(DISPLAY)["Owner"], "guest", "owner")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")


@scenario()
def prepare_turns_the_way_home_round(m, g):
    """A machine that starts while its card is on the way home gets it, before the host driver does."""
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    m.sim.fault("held", "hold", DISPLAY, "unbind", value="vfio-pci")
    expect.done(g.release(UUID), "ReleaseDomain")
    m.sim.wait_hit("held")
    binds = m.sim.card(1)["binds"]
    call = g.bus.start("org.gpuswitch1", "/org/gpuswitch1", "org.gpuswitch1.Manager", "PrepareDomain", "ssas", UUID, "vm",
                       [DISPLAY])
    m.sim.release("held")
    expect.done(g.finish(call), "PrepareDomain")
    expect.equal(m.sim.card(1)["binds"], binds, "binds of the host driver")
    expect.equal(g.properties(DISPLAY)["Owner"], "guest", "owner")
    expect.unharmed(m)


@scenario(cards=("polaris", "pascal"))
def two_cards_all_or_none(m, g):
    before = m.snapshot(1), m.snapshot(2)
    m.sim.fault("no", "refuse", DISPLAY2, "bind", value="vfio-pci", errno=errno.ENODEV)
    expect.refused(g.prepare(UUID, "vm", DISPLAY, DISPLAY2), "No such device", "PrepareDomain")
    for address in DISPLAY, DISPLAY2:
        g.wait(address, lambda p: p["Owner"] == "host", "both at home")
    expect.same(before[0], m.snapshot(1), "first card")
    expect.same(before[1], m.snapshot(2), "second card")


@scenario()
def helper_is_killed(m, g):
    """SIGKILL to the helper between two steps: everything is put back."""
    before = m.snapshot()
    m.sim.fault("held", "hold", DISPLAY, "driver_override", value="vfio-pci")
    call = g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("held")
    helper, = m.helpers()
    os.kill(helper, signal.SIGKILL)
    m.sim.release("held")
    expect.refused(g.finish(call), "signal 9", "to the guest")
    g.wait_idle(DISPLAY)
    expect.same(before, m.snapshot(), "after the undo")
    there_and_back(m, g)


@scenario(shim=True)
def stop_does_not_wait(m, g):
    """SIGTERM while a step hangs: the daemon ends at once, and the next one undoes what is left."""
    before = m.snapshot()
    m.sim.fault("held", "hold", DISPLAY, "unbind")
    g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("held")
    m.stop_daemon()
    expect.equal(len(m.helpers()), 1, "helpers that go on")
    m.start_daemon()
    expect.equal(g.properties(DISPLAY)["Owner"], "switching", "owner while the old helper is at work")
    m.sim.release("held")
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, m.snapshot(), "after the recovery")


@scenario()
def disk_full_before(m, g):
    """A commit that fails refuses a switch that has not begun."""
    m.stop_daemon()
    m.start_daemon(fail="commit:4:28")
    before = m.snapshot()
    expect.refused(g.switch(DISPLAY, "ToGuest"), "could not be recorded", "to the guest")
    expect.same(before, m.snapshot(), "after the refusal")
    expect.equal(m.sim.record(), [], "writes")


@scenario(shim=True)
def clock_set_back(m, g):
    """An hour back in mid-switch: deadlines do not move with it."""
    m.sim.fault("held", "hold", DISPLAY, "unbind")
    call = g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("held")
    m.set_clock(-3600)
    m.advance(5)
    m.sim.release("held")
    expect.done(g.finish(call), "to the guest")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")


@scenario()
def held_capabilities(m, g):
    """Without CAP_SYS_ADMIN configuration space has 64 bytes, as on a real kernel."""
    path = f"/sys/bus/pci/devices/{DISPLAY}/config"
    code = f"import os; print(len(os.read(os.open('{path}', os.O_RDONLY), 4096)))"
    for prefix, size in ([], "4096"), (["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"], "64"):
        process = m.spawn([*prefix, "/usr/bin/python3", "-c", code], stdout=-1, text=True)
        expect.equal(process.communicate()[0].strip(), size, "bytes of configuration space")
