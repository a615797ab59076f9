# SPDX-License-Identifier: LGPL-2.1-or-later
"""As much of logind as a sleep of the machine needs. What the kernel says of it, scenarios say themselves."""

import os
import select

from .bus import Bus
from .machine import PATIENCE, Failure

NAME, PATH, MANAGER = "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"


class Logind:
    def __init__(self):
        self.bus = Bus(descriptors=True)
        if self.bus.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "su",
                         NAME, 0) != [1]:
            raise Failure("there is a logind already")

    def prepare_for_sleep(self, begin):
        self.bus.emit(PATH, MANAGER, "PrepareForSleep", "b", begin)

    def wait_call(self, member):
        """The next call of MEMBER, to be answered with .bus.reply() or .refuse()."""
        while True:
            for call in self.bus.calls:
                if call.member == member:
                    self.bus.calls.remove(call)
                    return call
            try:
                self.bus.receive(PATIENCE)
            except TimeoutError:
                raise Failure(f"logind was not asked for {member}") from None

    def give_lock(self):
        """Answers Inhibit. Returns (its arguments, a descriptor that reads an end when the lock is let go)."""
        call = self.wait_call("Inhibit")
        ours, theirs = os.pipe()
        self.bus.reply(call, "h", 0, descriptors=[theirs])
        os.close(theirs)
        return call.body, ours

    @staticmethod
    def is_held(lock):
        return not select.select([lock], [], [], 0)[0]

    @staticmethod
    def wait_let_go(lock):
        if not select.select([lock], [], [], PATIENCE)[0]:
            raise Failure("the lock is not let go")
        os.close(lock)

    def go(self):
        """It ends."""
        self.bus.socket.close()
