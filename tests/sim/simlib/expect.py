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
