# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon as its bus objects show it: properties, switches, and waiting for a state to come."""

from .bus import Bus, BusError
from .machine import PATIENCE, Failure

NAME, ROOT = "org.gpuswitch1", "/org/gpuswitch1"
GPU, MANAGER = "org.gpuswitch1.GPU", "org.gpuswitch1.Manager"


def gpu_path(address):
    encoded = "".join(c if c.isalnum() and not (i == 0 and c.isdigit()) else f"_{ord(c):02x}"
                      for i, c in enumerate(address))
    return f"{ROOT}/gpu/{encoded}"


class Gpuswitch:
    """One connection. It outlives the daemon: signals of the next one come as well."""

    def __init__(self):
        self.bus = Bus()
        self.bus.match(f"type='signal',path_namespace='{ROOT}'")
        self.bus.match(f"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{NAME}'")

    def properties(self, address):
        """All properties of a card; None while there is no such card or no daemon."""
        try:
            return self.bus.call(NAME, gpu_path(address), "org.freedesktop.DBus.Properties", "GetAll", "s", GPU)[0]
        except BusError as error:
            if error.name in ("org.freedesktop.DBus.Error.UnknownObject", "org.freedesktop.DBus.Error.ServiceUnknown",
                              "org.freedesktop.DBus.Error.NameHasNoOwner", "org.freedesktop.DBus.Error.UnknownInterface",
                              "org.freedesktop.DBus.Error.NoReply"):  # it has died meanwhile
                return None
            raise

    def start(self, address, method, **options):
        """Begins "ToGuest", "ToHost", "Reset" or "Recover"; OPTIONS are of type b. Returns what finish() takes."""
        return self.bus.start(NAME, gpu_path(address), GPU, method, "a{sv}", {key: ("b", value) for key, value in options.items()})

    def finish(self, call):
        """None when the call succeeded, else its BusError."""
        try:
            self.bus.finish(call)
        except BusError as error:
            return error
        return None

    def switch(self, address, method, **options):
        return self.finish(self.start(address, method, **options))

    def begin_prepare(self, uuid, name, *addresses):
        """Returns what finish() takes."""
        return self.bus.start(NAME, ROOT, MANAGER, "PrepareDomain", "ssas", uuid, name, addresses)

    def prepare(self, uuid, name, *addresses):
        return self.finish(self.begin_prepare(uuid, name, *addresses))

    def release(self, uuid, reason="destroyed"):
        return self.finish(self.bus.start(NAME, ROOT, MANAGER, "ReleaseDomain", "ss", uuid, reason))

    def reload(self):
        """The daemon reads quirks and policy again; they are in force when this returns. Its error, or None."""
        return self.finish(self.bus.start(NAME, ROOT, MANAGER, "Reload", ""))

    def plan(self, address, direction):
        return self.bus.call(NAME, gpu_path(address), GPU, "Plan", "s", direction)[0]

    def wait(self, address, condition, what):
        """Until CONDITION(properties) holds; looks again at each signal of the daemon, and never at a clock."""
        while True:
            self.bus.signals.clear()
            properties = self.properties(address)
            if condition(properties):
                return properties
            while not self.bus.signals:
                try:
                    self.bus.receive(PATIENCE)
                except TimeoutError:
                    raise Failure(f"waited in vain for {what}; last seen: {properties}") from None

    def wait_idle(self, address):
        """Until nothing is being done with the card: no operation, no way home about to begin, or stuck."""
        return self.wait(address, lambda p: p is not None and (p["Stuck"] or p["Owner"] != "switching"),
                         f"{address} to come to rest")

    def wait_stuck(self, address, stuck=True):
        return self.wait(address, lambda p: p is not None and p["Stuck"] == stuck, f"stuck of {address} to be {stuck}")
