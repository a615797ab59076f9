# SPDX-License-Identifier: LGPL-2.1-or-later
"""What scenarios hold against the machine."""

from .machine import Failure


def equal(actual, expected, what):
    if actual != expected:
        raise Failure(f"{what}: expected {expected!r}, got {actual!r}")


def true(condition, what):
    if not condition:
        raise Failure(what)


def done(error, what):
    if error is not None:
        raise Failure(f"{what}: {error}")


def refused(error, words, what):
    if error is None:
        raise Failure(f"{what} succeeded")
    if words.lower() not in str(error).lower():
        raise Failure(f"{what}: expected '{words}' in: {error}")


def unharmed(machine):
    """No card was brought near its death, and none was bound with a wiped configuration space."""
    for number, card in machine.sim.state()["cards"].items():
        equal(card["bus_resets_in_prefail"], "0", f"bus resets of card {number} in prefail")
        equal(card["binds_unrestored"], "0", f"binds of card {number} with wiped BARs")
        equal(card["config_resets_before_driver"], "0", f"config resets of card {number} before its driver ran")


def same(before, after, what):
    """Two of Machine.snapshot()."""
    for name in before:
        for key in before[name]:
            equal(after[name][key], before[name][key], f"{what}: {key} of {name}")


def explained(machine, gpuswitch, address, number=1):
    """What the daemon shows of a card that is at rest is what the machine is."""
    shown, state = gpuswitch.properties(address), machine.sim.state()
    if shown is None:
        equal(state["functions"][address]["present"], "0", f"{address} is on the bus, and the daemon shows no such card")
        return
    equal(dict(shown["Operation"]), {}, f"operation of {address}")
    equal({f["address"]: f["driver"] for f in shown["Functions"]},
          {name: f["driver"] for name, f in state["functions"].items()
           if f["card"] == str(number) and f["present"] == "1"}, "drivers as the daemon shows them")
    truth, told = state["cards"][number]["state"], shown["ResetState"]
    if truth == "prefail":
        true(told in ("prefail", "failed", "unknown"), f"the card is in prefail, and the daemon says {told}")
    driver = state["functions"][address]["driver"]
    owner = {"": "none", "vfio-pci": "guest"}.get(driver, "host")
    true(shown["Owner"] == owner or (told == "failed" and shown["Owner"] == "none"),
         f"driver '{driver}', and the daemon says owner {shown['Owner']}, reset state {told}")
