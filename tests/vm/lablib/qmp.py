# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMU's control line: one command at a time, events on the way are skipped."""

import json

from .process import LabError


class Monitor:
    def __init__(self, connection):
        self.connection = connection
        self.stream = connection.makefile("rw", encoding="utf-8")
        self._next()  # the greeting
        self.call("qmp_capabilities")

    def close(self):
        self.stream.close()
        self.connection.close()

    def _next(self):
        line = self.stream.readline()
        if not line:
            raise LabError("QEMU ended while it was being talked to")
        return json.loads(line)

    def call(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = self._next()
            if "error" in answer:
                raise LabError(f"QEMU refused {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def wait_for(self, event):
        """The data of the next event of a kind, given a filter on its data."""
        while True:
            message = self._next()
            if event(message):
                return message
