# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices that go along with a card, while they are away: what others do to them, and policy that changes."""

import errno
import sqlite3

from simlib import expect
from simlib.machine import AUDIO, DISPLAY, DISPLAY2
from simlib.runner import scenario
from simlib.sysfs import write

from scenarios.fellow import (CARDS, DEVICES, FELLOWS, NIC, NVME, UUID, UUID2, WIRELESS, along, drivers, everything, home, send_along, to, to_guest,
                              whole)


def shown_with(p):
    return {fellow["address"]: fellow["driver"] for fellow in p["With"]}


def group_of(m, function):
    return f"vfio/{m.sim.state()['functions'][function]['group']}"


@scenario(cards=CARDS)
def fellow_shown(m, g):
    """What goes along, and its driver, whoever changes it."""
    send_along(m, g, NVME, NIC)
    expect.equal(shown_with(g.properties(DISPLAY)), {NVME: "nvme", NIC: "e1000e"}, "With")
    expect.equal(shown_with(g.properties(DISPLAY2)), {}, "With of the other card")
    expect.equal(write(f"{DEVICES}/{NIC}/driver/unbind", NIC), 0, "unbind")
    g.wait(DISPLAY, lambda p: shown_with(p)[NIC] == "", "the driver to go")
    expect.equal(write("/sys/bus/pci/drivers/e1000e/bind", NIC), 0, "bind")
    g.wait(DISPLAY, lambda p: shown_with(p)[NIC] == "e1000e", "the driver to come back")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    expect.equal(shown_with(g.properties(DISPLAY)), {NVME: "vfio-pci", NIC: "vfio-pci"}, "With, at the guest")
    status, out, _ = m.ctl("status", DISPLAY)
    expect.equal(status, 0, "status")
    expect.true(NVME in out and NIC in out, f"they are not in the status: {out}")


@scenario(cards=CARDS)
def fellow_removed_and_found_again(m, g):
    """Unplugged at home: refused; plugged in again: it goes along."""
    send_along(m, g, NIC)
    before = everything(m)
    expect.equal(write(f"{DEVICES}/{NIC}/remove", "1"), 0, "remove")
    expect.refused(g.switch(DISPLAY, "ToGuest"), "no such device", "to the guest")
    expect.equal(write("/sys/bus/pci/rescan", "1"), 0, "rescan")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    expect.equal(drivers(m)[NIC], "vfio-pci", "driver")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.same(before, everything(m), "at home")


@scenario(cards=CARDS)
def fellow_unplugged_from_the_guest(m, g):
    """It is gone when the card goes home: the rest goes home."""
    before = everything(m)
    send_along(m, g, NVME, NIC)
    to_guest(m, g, fellows=(NIC,))
    expect.equal(write(f"{DEVICES}/{NVME}/remove", "1"), 0, "remove")
    shown = home(m, g, fellows=(NIC,))
    expect.equal(shown["Owner"], "host", "owner")
    expect.same({name: values for name, values in before.items() if name != NVME}, everything(m), "the rest")
    expect.equal(write("/sys/bus/pci/rescan", "1"), 0, "rescan")
    expect.equal(drivers(m)[NVME], "nvme", "its driver, when it is found again")
    for method in "ToGuest", "ToHost":
        expect.done(g.switch(DISPLAY, method), method)
    expect.same(before, everything(m), "at home once more")
    whole(m, g)


@scenario(cards=CARDS)
def fellow_lost_in_the_guest(m, g):
    """It reads all ones when the card goes home: that is told, it is no word about the card, and the rest goes home."""
    before = everything(m)
    send_along(m, g, NVME, NIC)
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    m.sim.command("set", 3, "state", "failed")
    expect.refused(g.switch(DISPLAY, "ToHost"), NVME, "home")
    shown = g.wait_idle(DISPLAY)
    expect.equal((shown["Owner"], shown["ResetState"]), ("host", "prefail"), "the card")
    expect.same({name: values for name, values in before.items() if name != NVME}, everything(m), "the rest")
    expect.refused(g.switch(DISPLAY, "ToGuest"), "does not answer", "to the guest")


@scenario(cards=CARDS)
def fellow_given_back_by_hand(m, g):
    """Somebody binds its own driver again while the guest has the card: so be it, and the rest of its settings come home."""
    before = everything(m)
    send_along(m, g, NVME)
    expect.done(g.prepare(UUID, "vm", DISPLAY), "PrepareDomain")
    to("nvme", NVME)
    expect.equal(write(f"{DEVICES}/{NVME}/driver_override", "\n"), 0, "override")
    expect.done(g.release(UUID), "ReleaseDomain")
    expect.equal(g.wait_idle(DISPLAY)["Owner"], "host", "owner")
    expect.same(before, everything(m), "at home")
    whole(m, g)


@scenario(cards=CARDS, shim=True)
def fellow_of_another_machine(m, g):
    """On vfio-pci from before, and held by a virtual machine that has not the card: refused, and nothing is touched."""
    to("vfio-pci", WIRELESS)
    send_along(m, g, WIRELESS, NIC)
    m.sim.command("guest", "start", 4)
    before, first = everything(m), len(m.sim.record())
    m.sim.fault("asked", "notice", file=group_of(m, WIRELESS), kind="o")
    call = g.begin_prepare(UUID, "vm", DISPLAY, WIRELESS)
    m.sim.wait_hit("asked")
    m.advance(29)  # the helper gives up two seconds before the daemon gives it up
    expect.refused(g.finish(call), group_of(m, WIRELESS), "PrepareDomain")
    g.wait_idle(DISPLAY)
    expect.equal(m.sim.record(first), [], "writes")
    m.sim.command("guest", "stop", 4)
    for method in "ToGuest", "ToHost":
        expect.done(g.switch(DISPLAY, method), method)
    expect.same(before, everything(m), "at home")
    whole(m, g)


@scenario(cards=CARDS)
def fellow_comes_into_policy_meanwhile(m, g):
    """Policy names another one while the guest has the card: it stays where it is until the next time."""
    before = everything(m)
    send_along(m, g, NVME)
    to_guest(m, g, fellows=(NVME,))
    first = len(m.sim.record())
    send_along(m, g, NIC, NVME)
    home(m, g, fellows=(NVME,))
    expect.equal([line for line in m.sim.record(first) if line[0] == NIC], [], "writes to the new one")
    expect.same(before, everything(m), "at home")
    to_guest(m, g, fellows=(NVME, NIC))
    expect.equal([drivers(m)[name] for name in (NVME, NIC)], ["vfio-pci"] * 2, "drivers the next time")
    home(m, g, fellows=(NVME, NIC))
    expect.same(before, everything(m), "at home once more")


@scenario(cards=CARDS)
def fellow_stays(m, g):
    """`return: stay` is for all of them."""
    before = everything(m)
    m.write_policy({**along(DISPLAY, NVME), "return": "stay"})
    expect.done(g.reload(), "Reload")
    for _ in range(2):
        to_guest(m, g, fellows=(NVME,))
        expect.equal(home(m, g, fellows=(NVME,))["Owner"], "guest", "owner")
        expect.equal(drivers(m)[NVME], "vfio-pci", "driver")
    expect.equal(m.sim.card(3)["resets"], "device_specific:4,flr:0,bus:0", "resets")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.same(before, everything(m), "at home")


@scenario(cards=CARDS)
def fellow_turned_round(m, g):
    """A machine starts while all are on the way home: they stay, and go home behind it as they left."""
    before = everything(m)
    send_along(m, g, *FELLOWS)
    to_guest(m, g)
    there = everything(m)
    for number in (1, 3, 4, 5):
        m.sim.command("guest", "stop", number)
    m.sim.fault("held", "hold", DISPLAY, "unbind", value="vfio-pci")
    expect.done(g.release(UUID), "ReleaseDomain")
    m.sim.wait_hit("held")
    call = g.begin_prepare(UUID2, "next", DISPLAY, *FELLOWS)
    m.sim.release("held")
    expect.done(g.finish(call), "PrepareDomain")
    expect.equal({name: (values["driver"], values["reset_method"]) for name, values in everything(m).items()},
                 {name: (values["driver"], values["reset_method"]) for name, values in there.items()}, "drivers with the next guest")
    expect.done(g.release(UUID2), "ReleaseDomain")
    expect.equal(g.wait_idle(DISPLAY)["Owner"], "host", "owner")
    expect.same(before, everything(m), "at home")
    whole(m, g)


@scenario(cards=CARDS, shim=True)
def fellow_hangs_on_the_way_home(m, g):
    """Its own driver does not come back from its probe: the display is home before that, the card stuck, and whole when it ends."""
    before = everything(m)
    send_along(m, g, NVME, NIC)
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    m.sim.fault("hang", "hold", NVME, "bind", value="nvme")
    call = g.start(DISPLAY, "ToHost")
    m.sim.wait_hit("hang")
    expect.equal([drivers(m)[name] for name in (DISPLAY, AUDIO)], ["amdgpu", "snd_hda_intel"], "the card's drivers meanwhile")
    m.advance(23)
    expect.refused(g.finish(call), NVME, "home")
    g.wait_stuck(DISPLAY)
    m.sim.release("hang")
    g.wait_stuck(DISPLAY, False)
    expect.equal(g.wait_idle(DISPLAY)["Owner"], "host", "owner")
    expect.same(before, everything(m), "at home")
    whole(m, g)


@scenario(cards=CARDS)
def fellow_second_refused(m, g):
    """The second of them cannot leave: the first, which has left, comes back."""
    before = everything(m)
    send_along(m, g, NIC, NVME)
    m.sim.fault("no", "refuse", NVME, "driver_override", value="vfio-pci", errno=errno.EBUSY)
    expect.refused(g.prepare(UUID, "vm", DISPLAY, NIC, NVME), "busy", "PrepareDomain")
    g.wait_idle(DISPLAY)
    expect.same(before, everything(m), "after the undo")
    whole(m, g)


@scenario(cards=CARDS)
def fellow_joins_a_card_that_is_away(m, g):
    """Policy names it while the card waits on vfio-pci, and the next machine gets it too: it goes home with the card."""
    before = everything(m)
    m.write_policy({**along(DISPLAY, NVME), "return": "stay"})
    g.reload()
    to_guest(m, g, fellows=(NVME,))
    home(m, g, fellows=(NVME,))
    m.write_policy({**along(DISPLAY, NIC, NVME), "return": "stay"})
    g.reload()
    to_guest(m, g, fellows=(NVME, NIC))
    m.kill_daemon()
    m.start_daemon()
    g.wait(DISPLAY, lambda p: p is not None, "the card on the bus")
    home(m, g, fellows=(NVME, NIC))
    expect.equal([drivers(m)[name] for name in (NVME, NIC)], ["vfio-pci"] * 2, "drivers, with nobody")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.same(before, everything(m), "at home")
    whole(m, g)


def lost_in_the_guest(m, g, is_known):
    before = everything(m)
    send_along(m, g, *FELLOWS)
    to_guest(m, g)
    m.sim.command("set", 1, "state", "failed")
    if is_known:
        m.sim.command("log", f"vfio-pci {DISPLAY}: not ready 65535ms after bus reset; giving up")
        g.wait(DISPLAY, lambda p: p["ResetState"] == "failed", "the card's end")
    shown = home(m, g)
    expect.equal((shown["Owner"], shown["ResetState"]), ("none", "failed"), "the card")
    expect.same({name: values for name, values in before.items() if name not in (DISPLAY, AUDIO)}, everything(m), "all but the card")
    expect.equal(drivers(m)[DISPLAY], "vfio-pci", "driver of the lost card")
    first = len(m.sim.record())
    expect.refused(g.switch(DISPLAY, "ToHost"), "all ones", "home once more")
    expect.equal(m.sim.record(first), [], "writes of it")


@scenario(cards=CARDS)
def fellow_of_a_lost_card(m, g):
    """The card dies in the guest: they are not lost with it. Nothing more is done when that is over."""
    lost_in_the_guest(m, g, False)


@scenario(cards=CARDS)
def fellow_of_a_card_known_for_lost(m, g):
    """The kernel has told of it while the guest was still there."""
    lost_in_the_guest(m, g, True)


@scenario(cards=CARDS)
def fellow_of_a_card_that_dies_on_its_way(m, g):
    """It dies when it is let go by the guest's driver: never bound again, and the others go home."""
    before = everything(m)
    send_along(m, g, *FELLOWS)
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    m.sim.fault("dies", "dead", DISPLAY, "unbind", value="vfio-pci")
    expect.refused(g.switch(DISPLAY, "ToHost"), "all ones", "home")
    shown = g.wait_idle(DISPLAY)
    expect.equal((shown["Owner"], shown["ResetState"]), ("none", "failed"), "the card")
    expect.same({name: values for name, values in before.items() if name not in (DISPLAY, AUDIO)}, everything(m), "all but the card")


@scenario(cards=CARDS)
def fellow_of_a_lost_card_refused(m, g):
    """One of them does not go home either: the rest does, and that one at the next try."""
    before = everything(m)
    send_along(m, g, *FELLOWS)
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    m.sim.command("set", 1, "state", "failed")
    m.sim.fault("no", "refuse", NVME, "bind", value="nvme", errno=errno.EIO, forever=1)
    expect.refused(g.switch(DISPLAY, "ToHost"), "all ones", "home")
    g.wait_idle(DISPLAY)
    expect.same({name: values for name, values in before.items() if name not in (DISPLAY, AUDIO, NVME)}, everything(m), "the rest")
    expect.equal(drivers(m)[NVME], "", "its driver")
    expect.true(NVME in m.log(), "the daemon does not say which device is not home")
    m.sim.command("forget", "no")
    expect.refused(g.switch(DISPLAY, "ToHost"), "all ones", "home once more")
    expect.same({name: values for name, values in before.items() if name not in (DISPLAY, AUDIO)}, everything(m), "all but the card")


@scenario(cards=CARDS)
def fellow_of_a_lost_card_and_daemon(m, g):
    """The daemon dies while they go home without the card: the next one brings them there."""
    before = everything(m)
    send_along(m, g, *FELLOWS)
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")
    m.sim.command("set", 1, "state", "failed")
    m.sim.fault("here", "hold", NVME, "unbind", value="vfio-pci")
    g.start(DISPLAY, "ToHost")
    m.sim.wait_hit("here")
    m.kill_daemon()
    m.sim.release("here")
    m.start_daemon()
    g.wait(DISPLAY, lambda p: p is not None, "the card on the bus")
    shown = g.wait_idle(DISPLAY)
    expect.equal((shown["Owner"], shown["ResetState"]), ("none", "failed"), "the card")
    expect.same({name: values for name, values in before.items() if name not in (DISPLAY, AUDIO)}, everything(m), "all but the card")
    expect.equal(drivers(m)[DISPLAY], "vfio-pci", "driver of the lost card")


@scenario(cards=CARDS)
def fellow_of_an_earlier_boot(m, g):
    """Its address may be another device's by now: where it was at home before the machine was started anew, nobody is bound."""
    send_along(m, g, NVME)
    for method in "ToGuest", "ToHost":
        expect.done(g.switch(DISPLAY, method), method)
    m.stop_daemon()
    store = sqlite3.connect("/var/lib/gpuswitch/gpuswitch.db")
    store.execute("UPDATE card SET boot_id = '00000000-0000-0000-0000-000000000000'")
    store.commit()
    store.close()
    m.write_policy()
    expect.equal(write(f"{DEVICES}/{NVME}/driver/unbind", NVME), 0, "unbind")
    expect.equal(write(f"{DEVICES}/{DISPLAY}/driver_override", "vfio-pci"), 0, "driver_override")
    expect.equal(write(f"{DEVICES}/{DISPLAY}/driver/unbind", DISPLAY), 0, "unbind")
    expect.equal(write("/sys/bus/pci/drivers/vfio-pci/bind", DISPLAY), 0, "bind")
    first = len(m.sim.record())
    m.start_daemon()
    g.wait(DISPLAY, lambda p: p is not None, "the card on the bus")
    expect.done(g.switch(DISPLAY, "ToHost"), "home")
    expect.equal(drivers(m)[DISPLAY], "amdgpu", "driver of the card")
    expect.equal([line for line in m.sim.record(first) if line[0] == NVME], [], "writes to what went along once")
