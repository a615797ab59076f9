# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices of other slots that go along with a card because policy names them under `with`."""

import errno
import os

from simlib import expect
from simlib.machine import AUDIO, DISPLAY, DISPLAY2
from simlib.runner import scenario

UUID, UUID2 = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", "b3a5a0c4-70f1-4a5d-9d9b-0c6a8e1d2f43"
CARDS = ("polaris", "pascal", "nvme", "wireless", "nic")
NVME, WIRELESS, NIC = "0000:03:00.0", "0000:04:00.0", "0000:05:00.0"
DRIVERS = {NVME: "nvme", WIRELESS: "ath10k_pci", NIC: "e1000e"}
DEVICES = "/sys/bus/pci/devices"


def everything(m):
    return m.snapshot(1, 2, 3, 4, 5)


def drivers(m):
    return {name: values["driver"] for name, values in everything(m).items()}


def write(path, text):
    """0 or the errno."""
    try:
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
    except OSError as error:
        return error.errno
    return 0


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


# --- the simulator itself

@scenario(cards=CARDS, start=False)
def fellow_model(m, g):
    """Such devices have what functions of cards have, and are lost by the resets that their quirks warn of."""
    expect.equal({name: drivers(m)[name] for name in DRIVERS}, DRIVERS, "drivers at boot")
    expect.equal(read(f"{DEVICES}/{NVME}/class"), "0x010802\n", "class")
    expect.equal(os.path.exists(f"{DEVICES}/{WIRELESS}/reset_method"), False, "reset_method of a device without resets")
    path = f"{DEVICES}/{NVME}/reset_method"
    for value, error, then in (("bus device_specific", 0, "bus device_specific\n"), ("pm", errno.EINVAL, "bus device_specific\n"),
                               ("flr nothing", errno.EINVAL, "bus device_specific\n"), ("\n", 0, ""),
                               ("default", 0, "device_specific flr bus\n"), (" flr \n", 0, "flr\n"), ("default\n", 0, "device_specific flr bus\n")):
        expect.equal((write(path, value), read(path)), (error, then), f"reset_method = {value!r}")

    block = f"{DEVICES}/{NVME}/nvme/nvme3/nvme3n1/nvme3n1p1"
    expect.equal(os.listdir(f"{block}/holders"), [], "holders")
    m.sim.command("use", NVME, "holder vg-home")
    expect.equal(os.path.realpath("/sys/class/block/nvme3n1p1"), os.path.realpath(block), "the partition by its class")
    expect.equal(read(f"{block}/holders/dm-0/dm/name"), "vg-home\n", "its holder")
    expect.equal(os.path.realpath(f"{block}/subsystem"), "/sys/class/block", "its subsystem")
    m.sim.command("use", NVME, "holder none")
    expect.equal(os.listdir(f"{block}/holders"), [], "holders")
    m.sim.command("use", NIC, "link up")
    expect.equal(read("/sys/class/net/eth5/operstate"), "up\n", "operstate")


def to(driver, function):
    for place, text in ((f"{DEVICES}/{function}/driver_override", driver), (f"{DEVICES}/{function}/driver/unbind", function),
                        (f"/sys/bus/pci/drivers/{driver}/bind", function)):
        expect.equal(write(place, text), 0, f"{place} = {text}")


@scenario(cards=("polaris", "nvme", "nvme", "wireless:bus", "wireless"), start=False)
def fellow_resets(m, g):
    """What a guest's start and end do to a device is the first of its resets; what the kernel has none for, has its bus reset."""
    functions = [f"0000:0{slot}:00.0" for slot in range(2, 6)]
    for function in functions:
        to("vfio-pci", function)
    expect.equal(os.listdir(f"{DEVICES}/{functions[0]}/nvme") if os.path.exists(f"{DEVICES}/{functions[0]}/nvme") else [], [], "its disks")
    expect.equal(sorted(os.listdir("/sys/class/block")), [], "disks of the machine")
    write(f"{DEVICES}/{functions[1]}/reset_method", "flr")
    for slot in range(2, 6):
        m.sim.command("guest", "start", slot)
        m.sim.command("guest", "stop", slot)
    expect.equal([m.sim.card(slot)["resets"] for slot in range(2, 6)],
                 ["device_specific:2,flr:0,bus:0", "device_specific:0,flr:2,bus:0", "device_specific:0,flr:0,bus:2",
                  "device_specific:0,flr:0,bus:0"], "resets")
    expect.equal([m.sim.card(slot)["state"] == "failed" for slot in range(2, 6)], [False, True, True, False], "lost")
    with open(f"{DEVICES}/{functions[1]}/config", "rb") as file:
        expect.equal(file.read(4), b"\xff" * 4, "configuration space of one that is lost")
    expect.equal(write(f"{DEVICES}/{functions[0]}/driver_override", "\n"), 0, "driver_override")
