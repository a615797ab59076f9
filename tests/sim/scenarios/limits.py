# SPDX-License-Identifier: LGPL-2.1-or-later
"""Over the limits that only a whole machine can go over; those of one room are in tests/unit."""

from simlib import expect
from simlib.gpuswitch import GPU, MANAGER, NAME, ROOT, Gpuswitch, gpu_path
from simlib.machine import DISPLAY
from simlib.runner import scenario

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
CARDS_MAX, WAITERS_MAX, REQUESTS_PER_CALLER_MAX = 32, 64, 32
LIMITS_EXCEEDED = "org.freedesktop.DBus.Error.LimitsExceeded"


def start_prepare(g, name, *addresses):
    return g.bus.start(NAME, ROOT, MANAGER, "PrepareDomain", "ssas", UUID, name, addresses)


def ping(g):
    """The answer comes behind those to all calls that this connection has sent, as far as they have one."""
    g.bus.call(NAME, ROOT, "org.freedesktop.DBus.Peer", "Ping")


def start_plan(g):
    return g.bus.start(NAME, gpu_path(DISPLAY), GPU, "Plan", "s", "guest")


@scenario(cards=("pascal",) * (CARDS_MAX + 1))
def more_cards_than_can_be(m, g):
    """None is taken on, and a start with one of them is refused: it would go on without anybody who knows its state."""
    expect.equal(g.properties(DISPLAY), None, "the first card")
    expect.true("This machine has more than 32 GPUs" in m.log(), "the journal names the limit")
    error = g.prepare(UUID, "vm", DISPLAY)
    expect.refused(error, f"does not look after GPU {DISPLAY}", "PrepareDomain")
    expect.refused(error, "more than 32 GPUs", "PrepareDomain")
    expect.equal(m.sim.record(), [], "writes")

    # One less, and all of them are there.
    with open(f"/sys/bus/pci/devices/0000:{CARDS_MAX + 1:02x}:00.0/remove", "w") as file:
        file.write("1")
    g.wait(DISPLAY, lambda p: p is not None, "the first card")
    expect.done(g.switch(DISPLAY, "ToGuest"), "to the guest")


@scenario(cards=("pascal",) * CARDS_MAX)
def as_many_operations_as_cards(m, g):
    """All cards at once: the most operations that there can be."""
    addresses = [f"0000:{bus:02x}:00.0" for bus in range(1, CARDS_MAX + 1)]
    calls = [g.start(address, "ToGuest") for address in addresses]
    for call, address in zip(calls, addresses):
        expect.done(g.finish(call), f"{address} to the guest")


@scenario()
def more_waiters_than_can_be(m, g):
    """Callers of the same verdict, by as many connections as it takes."""
    m.sim.fault("held", "hold", DISPLAY, "unbind")
    callers = [Gpuswitch() for _ in range(WAITERS_MAX // REQUESTS_PER_CALLER_MAX)]
    calls = [(caller, start_prepare(caller, "vm", DISPLAY)) for caller in callers
             for _ in range(REQUESTS_PER_CALLER_MAX)]
    m.sim.wait_hit("held")
    for caller in callers:
        ping(caller)
    for caller in callers:
        error = caller.finish(start_prepare(caller, "vm", DISPLAY))
        expect.refused(error, "this caller has 32 requests", "one call more of a connection")
    error = g.finish(start_prepare(g, "vm", DISPLAY))
    expect.equal(error.name, LIMITS_EXCEEDED, "error")
    expect.refused(error, f"64 callers wait for the same switch of GPU {DISPLAY}", "one caller more")

    # Who leaves makes room, and cancels nothing.
    callers.pop().bus.socket.close()
    calls = calls[:REQUESTS_PER_CALLER_MAX]
    while True:
        call = start_prepare(g, "vm", DISPLAY)
        ping(g)
        if not g.bus.done(call):
            break
    m.sim.release("held")
    expect.done(g.finish(call), "PrepareDomain")
    for caller, one in calls:
        expect.done(caller.finish(one), "PrepareDomain")
    expect.equal(g.properties(DISPLAY)["Owner"], "guest", "owner")


@scenario()
def plans_keep_no_start_out(m, g):
    """Plan is open to everybody. A start that waits for the card comes before the next plan, however many there are."""
    flood = [(caller, [start_plan(caller) for _ in range(8)]) for caller in (Gpuswitch(), Gpuswitch())]
    start = start_prepare(g, "vm", DISPLAY)
    while not g.bus.done(start):
        for caller, calls in flood:
            if caller.bus.done(calls[0]):
                caller.finish(calls.pop(0))
                calls.append(start_plan(caller))
    expect.done(g.finish(start), "PrepareDomain")
    for caller, calls in flood:
        for call in calls:
            caller.finish(call)
