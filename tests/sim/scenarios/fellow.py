# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices of other slots that go along with a card because policy names them under `with`."""

import errno
import os
import re

from simlib import expect, namespace
from simlib.machine import AUDIO, DISPLAY, DISPLAY2
from simlib.runner import add, scenario
from simlib.sysfs import write

UUID, UUID2 = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", "b3a5a0c4-70f1-4a5d-9d9b-0c6a8e1d2f43"
CARDS = ("polaris", "pascal", "nvme", "wireless", "nic")
NVME, WIRELESS, NIC = "0000:03:00.0", "0000:04:00.0", "0000:05:00.0"
FELLOWS = (NVME, WIRELESS, NIC)
DRIVERS = {NVME: "nvme", WIRELESS: "ath10k_pci", NIC: "e1000e"}
SLOTS = {NVME: 3, WIRELESS: 4, NIC: 5}
DEVICES = "/sys/bus/pci/devices"


def everything(m):
    return m.snapshot(1, 2, 3, 4, 5)


def drivers(m):
    return {name: values["driver"] for name, values in everything(m).items()}


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def along(address, *fellows):
    """What policy says of a card that has company."""
    return {"match": {"address": address}, "with": list(fellows)}


def send_along(m, g, *fellows):
    m.write_policy(along(DISPLAY, *fellows))
    expect.done(g.reload(), "Reload")


def to_guest(m, g, uuid=UUID, address=DISPLAY, fellows=FELLOWS):
    """A virtual machine that lists all of them gets them and lives for a while."""
    expect.done(g.prepare(uuid, "vm", address, *fellows), "PrepareDomain")
    for number in (int(address[5:7]), *(SLOTS[fellow] for fellow in fellows)):
        m.sim.command("guest", "start", number)


def home(m, g, uuid=UUID, address=DISPLAY, fellows=FELLOWS):
    for number in (int(address[5:7]), *(SLOTS[fellow] for fellow in fellows)):
        m.sim.command("guest", "stop", number)
    expect.done(g.release(uuid), "ReleaseDomain")
    return g.wait_idle(address)


def at(record, *line):
    """Where in the record it is."""
    places = [i for i, (function, file, value) in enumerate(record) if (function, file) == line[:2] and value.startswith(line[2])]
    expect.equal(len(places), 1, f"writes of {line} among {record}")
    return places[0]


def whole(m, g):
    """Nothing is lost, and what the daemon shows of the card is so."""
    expect.unharmed(m)
    expect.explained(m, g, DISPLAY)
    for fellow, number in SLOTS.items():
        expect.true(m.sim.card(number)["state"] != "failed", f"{fellow} is lost")


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


# --- when nothing goes wrong

@scenario(cards=CARDS)
def fellow_there_and_back(m, g):
    """They are on vfio-pci before the display goes out, and come home behind it; each is reset as its quirk says, and no other way."""
    before = everything(m)
    send_along(m, g, NVME, WIRELESS, NIC)
    expect.equal(m.sim.record(), [], "writes when policy is read")
    for cycle in range(1, 3):
        first = len(m.sim.record())
        to_guest(m, g)
        there = everything(m)
        for fellow in FELLOWS:
            expect.equal([there[fellow][key] for key in ("driver", "control", "d3cold")], ["vfio-pci", "on", "0"], f"{fellow} with the guest")
        expect.equal([there[fellow]["reset_method"] for fellow in FELLOWS], ["device_specific", "", "flr,bus"], "their reset_method")
        expect.equal([there[DISPLAY]["driver"], there[AUDIO]["driver"]], ["vfio-pci", "pci-stub"], "the card's drivers")
        expect.equal(there[DISPLAY2], before[DISPLAY2], "the other card")
        record = m.sim.record(first)
        for fellow in FELLOWS:
            expect.true(at(record, fellow, "bind", "vfio-pci") < at(record, DISPLAY, "unbind", "amdgpu"), f"{fellow} goes behind the display")
        expect.true(at(record, NVME, "reset_method", "device_specific") < at(record, NVME, "bind", "vfio-pci"),
                    "the guest could have reset it otherwise")

        first = len(m.sim.record())
        home(m, g)
        expect.same(before, everything(m), "after the way home")
        record = m.sim.record(first)
        for fellow in FELLOWS:
            expect.true(at(record, DISPLAY, "bind", "amdgpu") < at(record, fellow, "unbind", "vfio-pci"), f"{fellow} is home before the display")
        expect.equal(m.sim.card(3)["resets"], f"device_specific:{2 * cycle},flr:0,bus:0", "resets of the NVMe controller")
        expect.equal(m.sim.card(4)["resets"], "device_specific:0,flr:0,bus:0", "resets of the wireless card")
        whole(m, g)


@scenario(cards=CARDS)
def fellow_by_hand(m, g):
    """A person's ways take them along as well; drivers that are not there, and settings that were others, are put back as they were."""
    for place, text in ((f"{DEVICES}/{NIC}/driver/unbind", NIC), (f"{DEVICES}/{NVME}/power/control", "auto"),
                        (f"{DEVICES}/{NVME}/reset_method", "bus device_specific"), (f"{DEVICES}/{WIRELESS}/d3cold_allowed", "0")):
        expect.equal(write(place, text), 0, place)
    to("vfio-pci", WIRELESS)
    before = everything(m)
    send_along(m, g, *FELLOWS)
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    expect.equal({drivers(m)[fellow] for fellow in FELLOWS}, {"vfio-pci"}, "drivers")
    expect.equal(everything(m)[NVME]["reset_method"], "device_specific", "reset_method")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.same(before, everything(m), "after the way home")
    whole(m, g)


@scenario(cards=CARDS)
def fellow_plan(m, g):
    """What `plan` says is what is written, theirs too."""
    send_along(m, g, *FELLOWS)
    status, out, err = m.ctl("plan", DISPLAY, "guest")
    expect.equal(status, 0, f"gpuswitchctl plan ({err})")
    for fellow in FELLOWS:
        for words in f"unbind {fellow} from {DRIVERS[fellow]}", f"bind {fellow} to vfio-pci":
            expect.true(words in out, f"'{words}' in the plan: {out}")
    names = {"set-override": "driver_override", "set-power": "power/control", "set-d3cold": "d3cold_allowed",
             "set-reset-method": "reset_method", "bind": "bind", "unbind": "unbind"}
    for direction, method in ("guest", "ToGuest"), ("host", "ToHost"):
        planned = [(re.search(r"0000:[0-9a-f:.]+", step["description"])[0], names[step["action"]])
                   for step in g.plan(DISPLAY, direction) if step["action"] in names]
        first = len(m.sim.record())
        expect.done(g.switch(DISPLAY, method), method)
        written = [line[:2] for line in m.sim.record(first) if line[1] != "config"]
        expect.equal(written, planned, f"writes on the way to the {direction}")


@scenario(cards=CARDS)
def fellow_two_machines(m, g):
    """Each card has company of its own, and neither machine's end moves the other's."""
    before = everything(m)
    m.write_policy(along(DISPLAY, NVME), along(DISPLAY2, NIC))
    expect.done(g.reload(), "Reload")
    to_guest(m, g, UUID, DISPLAY, (NVME,))
    expect.equal(drivers(m)[NIC], "e1000e", "driver of the other card's company")
    to_guest(m, g, UUID2, DISPLAY2, (NIC,))
    first = len(m.sim.record())
    expect.refused(g.prepare("11111111-2222-3333-4444-555555555555", "third", DISPLAY, NVME), "vm", "a third machine")
    expect.done(g.release("11111111-2222-3333-4444-555555555555", "failed"), "its end")
    expect.equal(m.sim.record(first), [], "writes for it")
    home(m, g, UUID, DISPLAY, (NVME,))
    expect.same({name: values for name, values in before.items() if name in (DISPLAY, AUDIO, NVME)}, everything(m), "after the first")
    expect.equal([drivers(m)[name] for name in (DISPLAY2, NIC)], ["vfio-pci", "vfio-pci"], "the other machine's")
    home(m, g, UUID2, DISPLAY2, (NIC,))
    expect.same(before, everything(m), "after both")
    whole(m, g)


@scenario(cards=CARDS)
def fellow_policy_changes_meanwhile(m, g):
    """What was taken along comes home from the record, whatever policy says by then; a daemon that starts anew knows it as well."""
    before = everything(m)
    send_along(m, g, NVME, NIC)
    to_guest(m, g, fellows=(NVME, NIC))
    m.write_policy()
    expect.done(g.reload(), "Reload")
    home(m, g, fellows=(NVME, NIC))
    expect.same(before, everything(m), "after the way home")
    send_along(m, g, NVME)
    to_guest(m, g, fellows=(NVME,))
    m.kill_daemon()
    m.write_policy(along(DISPLAY, WIRELESS))
    m.start_daemon()
    g.wait(DISPLAY, lambda p: p is not None, "the card on the bus")
    home(m, g, fellows=(NVME,))
    expect.same(before, everything(m), "after the way home of the next daemon")
    whole(m, g)


# --- refused before anything is written

def tell(*words):
    """A command to the simulator."""
    return lambda m: m.sim.command(*words)


def mount(m):
    """tmpfs takes any word for its source, and mountinfo shows it as it shows a disk's."""
    os.mkdir("/run/games")
    namespace.mount("/dev/nvme3n1p1", "/run/games", "tmpfs")


def refused(fellow, words, prepare=None, mend=None):
    """Nothing is written, it is told which device and why, and what was in the way can be taken away."""
    def run(m, g):
        if prepare:
            prepare(m)
        before = m.sim.state()["functions"]
        send_along(m, g, fellow)
        for error in g.switch(DISPLAY, "ToGuest"), g.prepare(UUID, "vm", DISPLAY):
            expect.refused(error, fellow, "to the guest")
            expect.refused(error, words, "to the guest")
        status, out, _ = m.ctl("explain", DISPLAY)
        expect.equal(status, 1, "exit status of explain")
        expect.true(fellow in out and words.lower() in out.lower(), f"'{words}' of {fellow} in what explain says: {out}")
        expect.equal(m.sim.record(), [], "writes")
        expect.equal(m.sim.state()["functions"], before, "the machine")
        if mend:
            mend(m)
        else:
            m.write_policy()
            expect.done(g.reload(), "Reload")
        before = m.sim.state()["functions"]
        for method in "ToGuest", "ToHost":
            expect.done(g.switch(DISPLAY, method), f"{method}, mended")
        expect.equal(m.sim.state()["functions"], before, "the machine, mended")
    return run


# name: who is sent along, what is said of it, what makes it so, what mends it (without: it is deleted from `with`)
REFUSED = {
    "missing": ("0000:09:00.0", "no such device"),
    "display": (DISPLAY2, "display"),
    "bridge": ("0000:00:06.0", "bridge"),
    "dead": (NVME, "does not answer", tell("set", 3, "state", "failed"), tell("set", 3, "state", "touched")),
    "file-system": (NVME, "/run/games", mount, lambda m: namespace.umount("/run/games")),
    "volume": (NVME, "vg-home", tell("use", NVME, "holder vg-home"), tell("use", NVME, "holder none")),
    "link": (NIC, "eth5", tell("use", NIC, "link up"), tell("use", NIC, "link down")),
    "bus-reset": (WIRELESS, "can lose it"),
    "no-good-reset": (NVME, "can lose it"),
}
OTHER_CARDS = {"bus-reset": ("polaris", "pascal", "nvme", "wireless:bus", "nic"), "no-good-reset": ("polaris", "pascal", "nvme:flr,bus", "wireless", "nic")}
for name, arguments in REFUSED.items():
    add(f"fellow-refused-{name}", refused(*arguments), cards=OTHER_CARDS.get(name, CARDS))


# --- what goes wrong on the way

@scenario(cards=CARDS)
def fellow_held_by_a_guest(m, g):
    """Its group is waited for as the card's is; and then all of them go home."""
    before = everything(m)
    send_along(m, g, NVME)
    expect.done(g.prepare(UUID, "vm", DISPLAY, NVME), "PrepareDomain")
    group = f"vfio/{m.sim.state()['functions'][NVME]['group']}"
    held = open(f"/dev/{group}", "r+b", buffering=0)
    first = len(m.sim.record())
    m.sim.fault("waits", "notice", file=group, kind="o")
    expect.done(g.release(UUID), "ReleaseDomain")
    m.sim.wait_hit("waits")
    expect.equal(g.properties(DISPLAY)["Owner"], "switching", "owner meanwhile")
    expect.equal(m.sim.record(first), [], "writes meanwhile")
    held.close()
    g.wait(DISPLAY, lambda p: p["Owner"] == "host", "the card at home")
    expect.same(before, everything(m), "after the way home")
    whole(m, g)


def refused_on_the_way(function, file, value):
    def run(m, g):
        before = everything(m)
        send_along(m, g, *FELLOWS)
        m.sim.fault("no", "refuse", function, file, value=value, errno=errno.EIO)
        expect.refused(g.prepare(UUID, "vm", DISPLAY, *FELLOWS), "Input/output", "PrepareDomain")
        m.sim.wait_hit("no")
        g.wait_idle(DISPLAY)
        expect.same(before, everything(m), "after the undo")
        whole(m, g)
        to_guest(m, g)
        home(m, g)
        expect.same(before, everything(m), "after the next machine")
    return run


for name, line in {"unbind": (NVME, "unbind", "nvme"), "bind": (NIC, "bind", "vfio-pci"), "reset-method": (NVME, "reset_method", "device_specific"),
                   "display": (DISPLAY, "bind", "vfio-pci")}.items():
    add(f"fellow-to-guest-refused-{name}", refused_on_the_way(*line), cards=CARDS)


@scenario(cards=CARDS)
def fellow_not_bound_at_home(m, g):
    """Its own driver does not take it back: the display is home, the rest is done, it is told, and a way home by hand mends it."""
    before = everything(m)
    send_along(m, g, *FELLOWS)
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    m.sim.fault("no", "refuse", NVME, "bind", value="nvme", errno=errno.EIO)
    error = g.switch(DISPLAY, "ToHost")
    expect.refused(error, "Input/output", "home")
    expect.refused(error, NVME, "home")
    shown = g.wait_idle(DISPLAY)
    expect.equal(shown["Owner"], "host", "owner")
    now = everything(m)
    expect.same({name: values for name, values in before.items() if name != NVME}, now, "all but it")
    expect.true(now[NVME]["driver"] != "vfio-pci", "it is still on vfio-pci")
    expect.true(NVME in m.log(), "the daemon does not say which device is not home")
    whole(m, g)
    expect.done(g.switch(DISPLAY, "ToHost"), "home once more")
    expect.same(before, everything(m), "after the way home by hand")


@scenario(cards=CARDS, shim=True)
def fellow_hangs(m, g):
    """A device whose driver does not let go makes the card stuck, as one of its own functions would; when it comes back, all goes home."""
    before = everything(m)
    send_along(m, g, NVME)
    m.sim.fault("hang", "hold", NVME, "unbind")
    call = g.start(DISPLAY, "ToGuest")
    m.sim.wait_hit("hang")
    m.advance(23)
    error = g.finish(call)
    expect.refused(error, "stuck", "to the guest")
    expect.refused(error, NVME, "to the guest")
    g.wait_stuck(DISPLAY)
    expect.done(g.switch(DISPLAY2, "ToGuest"), "the other card")
    expect.done(g.switch(DISPLAY2, "ToHost"), "the other card home")
    m.sim.release("hang")
    g.wait_stuck(DISPLAY, False)
    g.wait_idle(DISPLAY)
    expect.same(before, everything(m), "after it has come back")
    whole(m, g)


def killed(direction, function, file, value):
    """The daemon dies while that write is on its way, and the next one finishes or undoes what is left, for all of them."""
    def run(m, g):
        before = everything(m)
        send_along(m, g, *FELLOWS)
        # A card that has been there and back: its state is the one that most can go wrong with.
        expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
        there = everything(m)
        expect.equal({there[fellow]["driver"] for fellow in FELLOWS}, {"vfio-pci"}, "drivers with the guest")
        expect.done(g.switch(DISPLAY, "ToHost"), "home")
        if direction == "host":
            expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
        m.sim.fault("here", "hold", function, file, value=value)
        g.start(DISPLAY, {"guest": "ToGuest", "host": "ToHost"}[direction])
        m.sim.wait_hit("here")
        m.kill_daemon()
        m.sim.release("here")
        m.start_daemon()
        g.wait(DISPLAY, lambda p: p is not None, "the card on the bus")
        shown = g.wait_idle(DISPLAY)
        expect.true(not shown["Stuck"], f"stuck: {shown['StuckReason']}")
        side = {"host": before, "guest": there}[shown["Owner"]]
        expect.same(side, everything(m), f"with the {shown['Owner']}")
        expect.equal(shown["LeasedByHand"], shown["Owner"] == "guest", "leased by hand")
        whole(m, g)
        for method, then in ("ToHost", before), ("ToGuest", there), ("ToHost", before):
            expect.done(g.switch(DISPLAY, method), method)
            expect.same(then, everything(m), method)
        whole(m, g)
    return run


for name, place in {
        "to-guest-reset-method": ("guest", NVME, "reset_method", "device_specific"),
        "to-guest-unbind": ("guest", NVME, "unbind", "nvme"),
        "to-guest-bind": ("guest", NIC, "bind", "vfio-pci"),
        "to-guest-display": ("guest", DISPLAY, "bind", "vfio-pci"),
        "to-host-display": ("host", DISPLAY, "bind", "amdgpu"),
        "to-host-unbind": ("host", NVME, "unbind", "vfio-pci"),
        "to-host-bind": ("host", NVME, "bind", "nvme"),
        "to-host-reset-method": ("host", NVME, "reset_method", "device_specific"),
}.items():
    add(f"fellow-killed-{name}", killed(*place), cards=CARDS)
