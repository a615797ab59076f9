# SPDX-License-Identifier: LGPL-2.1-or-later
"""The simulator itself: faults strike where and as often as they are told, and what hangs hangs as it does in a kernel."""

import errno
import os
import select
import signal
import subprocess

from simlib import expect
from simlib.machine import AUDIO, AUDIO2, DISPLAY, PATIENCE, Failure
from simlib.runner import scenario
from simlib.sysfs import write

DEVICES, DRIVERS = "/sys/bus/pci/devices", "/sys/bus/pci/drivers"


def writer(m, path, text):
    """A process that writes; its exit status is the errno."""
    code = "import os, sys\ntry: os.write(os.open(sys.argv[1], os.O_WRONLY), sys.argv[2].encode())\n" \
           "except OSError as e: sys.exit(e.errno)"
    return m.spawn(["/usr/bin/python3", "-S", "-c", code, path, text], stderr=subprocess.DEVNULL)


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


@scenario(start=False)
def faults_count(m, g):
    path = f"{DEVICES}/{AUDIO}/d3cold_allowed"
    m.sim.fault("third", "refuse", AUDIO, "d3cold_allowed", errno=errno.ENOSPC, skip=2)
    expect.equal([write(path, "0") for _ in range(5)], [0, 0, errno.ENOSPC, 0, 0], "writes, the third refused")
    m.sim.fault("always", "refuse", AUDIO, "d3cold_allowed", value="1", errno=errno.EPERM, forever=1, skip=1)
    expect.equal([write(path, text) for text in "10110"], [0, 0, errno.EPERM, errno.EPERM, 0], "only some values")
    expect.equal(write(f"{DEVICES}/{DISPLAY}/d3cold_allowed", "1"), 0, "another function")
    m.sim.command("forget", "always")
    expect.equal(write(path, "1"), 0, "without the fault")
    expect.equal(m.sim.record()[:2], [(AUDIO, "d3cold_allowed", "0")] * 2, "record")


@scenario(start=False)
def hang_is_uninterruptible(m, g):
    """The writer of an unbind that hangs gets SIGKILL: state D, until the kernel lets it go."""
    m.sim.fault("hang", "hold", DISPLAY, "unbind")
    process = writer(m, f"{DRIVERS}/amdgpu/unbind", DISPLAY)
    m.sim.wait_hit("hang")
    expect.true(not os.path.islink(f"{DEVICES}/{DISPLAY}/driver"), "the link is gone while remove() hangs")
    with open(f"{DEVICES}/{DISPLAY}/vendor") as file:
        expect.equal(file.read(), "0x1002\n", "an attribute of it meanwhile")
    pidfd = os.pidfd_open(process.pid)
    process.send_signal(signal.SIGKILL)
    for _ in range(1_000_000):
        if state_of(process.pid) == "D":
            break
        os.sched_yield()
    else:
        raise Failure(f"the writer is in state {state_of(process.pid)}")
    expect.equal(select.select([pidfd], [], [], 0)[0], [], "it has ended")
    m.sim.release("hang")
    expect.equal(process.wait(PATIENCE), -signal.SIGKILL, "status")
    os.close(pidfd)
    expect.equal(write(f"{DRIVERS}/amdgpu/bind", DISPLAY), 0, "bind")


@scenario(start=False)
def device_lock(m, g):
    """Behind a remove() that hangs, what takes the lock of that device waits, and nothing else."""
    m.sim.fault("hang", "hold", AUDIO, "unbind")
    first = writer(m, f"{DRIVERS}/snd_hda_intel/unbind", AUDIO)
    m.sim.wait_hit("hang")
    m.sim.fault("behind", "notice", AUDIO, "power/control")
    second = writer(m, f"{DEVICES}/{AUDIO}/power/control", "auto")
    m.sim.wait_hit("behind")
    expect.equal(write(f"{DEVICES}/{AUDIO}/driver_override", "pci-stub"), 0, "driver_override")
    expect.equal(write(f"{DEVICES}/{DISPLAY}/power/control", "auto"), 0, "power/control of another function")
    expect.equal(write(f"{DRIVERS}/snd_hda_intel/unbind", AUDIO2), 0, "unbind of another device")
    expect.equal((first.poll(), second.poll()), (None, None), "both that wait")
    m.sim.release("hang")
    expect.equal((first.wait(PATIENCE), second.wait(PATIENCE)), (0, 0), "both")
    expect.equal(m.snapshot()[AUDIO]["control"], "auto", "power/control, written behind the unbind")


@scenario(start=False)
def hold_at_entry(m, g):
    m.sim.fault("entry", "hold", DISPLAY, "unbind", at="entry")
    process = writer(m, f"{DRIVERS}/amdgpu/unbind", DISPLAY)
    m.sim.wait_hit("entry")
    expect.equal(m.snapshot()[DISPLAY]["driver"], "amdgpu", "driver, before remove()")
    m.sim.release("entry", errno.ENOMEM)
    expect.equal(process.wait(PATIENCE), errno.ENOMEM, "errno")
    expect.equal(m.snapshot()[DISPLAY]["driver"], "amdgpu", "driver")


@scenario(start=False)
def bus_reset_kills_in_prefail(m, g):
    """The card of the lab: without a guard, the second guest is its end."""
    def to(driver, function):
        current = os.path.basename(os.readlink(f"{DEVICES}/{function}/driver"))
        expect.equal(write(f"{DEVICES}/{function}/driver_override", driver), 0, "driver_override")
        expect.equal(write(f"{DRIVERS}/{current}/unbind", function), 0, "unbind")
        expect.equal(write(f"{DRIVERS}/{driver}/bind", function), 0, "bind")
    for cycle in range(2):
        to("vfio-pci", DISPLAY)
        to("vfio-pci", AUDIO)
        m.sim.command("guest", "start", 1)
        m.sim.command("guest", "stop", 1)
        expect.equal(m.sim.card(1)["state"], ("touched", "failed")[cycle], f"state after guest {cycle + 1}")
        if cycle == 0:
            to("amdgpu", DISPLAY)
            expect.equal(m.sim.card(1)["state"], "prefail", "state after the second host bind")
    expect.equal(m.sim.card(1)["bus_resets_in_prefail"], "1", "bus resets in prefail")
    with open(f"{DEVICES}/{DISPLAY}/config", "rb") as file:
        expect.equal(file.read(4), b"\xff" * 4, "configuration space")
