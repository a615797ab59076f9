# SPDX-License-Identifier: LGPL-2.1-or-later
"""One scenario: its header, and its run on a machine of its own."""

import io
import re
import secrets
import shlex
import tarfile
import time

from .process import LabError
from .state import wait_ready
from .suites import SUITES

# name: (the default, what it may be)
HEADERS = {
    "suites": ("trixie", r"(trixie|bookworm)( (trixie|bookworm))*"),
    "temper": ("strict", r"lenient|strict|armed"),
    "groups": ("shared", r"shared|separate"),
    "model": ("on", r"on|off"),
    "gpuswitch": ("on", r"on|off"),
    "kernel": ("", r".*"),
    "qemu": ("", r".*"),
    "timeout": ("300", r"\d+"),
}

RUN = """#!/bin/bash
. ./lib.sh
machine_up || exit 1
exec bash ./scenario
"""


class Scenario:
    def __init__(self, name, text):
        self.name = name
        self.text = text
        self.header = {key: default for key, (default, _) in HEADERS.items()}
        for key, value in re.findall(r"^# (\w+):[ \t]*(.*?)[ \t]*$", text.split("\n\n", 1)[0], re.M):
            if key not in HEADERS:
                raise LabError(f"scenario {name}: unknown header \"{key}\"; there are: {', '.join(HEADERS)}")
            if not re.fullmatch(HEADERS[key][1], value):
                raise LabError(f"scenario {name}: header \"{key}\" cannot be \"{value}\"")
            self.header[key] = value

    @property
    def suites(self):
        return [suite for suite in SUITES if suite in self.header["suites"].split()]

    def job(self, guest, token):
        """The archive that the agent unpacks and runs."""
        settings = "".join(f"LAB_{key.upper()}={shlex.quote(self.header[key])}\n" for key in ("temper", "groups", "model", "gpuswitch"))
        files = {"run": RUN, "lib.sh": (guest / "lib.sh").read_text(encoding="utf-8"), "scenario": self.text, "token": token,
                 "settings": settings}
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w") as archive:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                member.mode = 0o755
                archive.addfile(member, io.BytesIO(text.encode()))
        return whole.getvalue()


class Result:
    def __init__(self, code, output, seconds):
        self.code = code
        self.output = output
        self.seconds = seconds


def run(scenario, suite, guest, on_output=lambda data: None):
    """Runs a scenario on a machine of a suite; a machine that breaks is a failed scenario, with its last words as output."""
    begun = time.monotonic()
    deadline = begun + int(scenario.header["timeout"])
    token = secrets.token_hex(8)
    job = scenario.job(guest, token)
    special = scenario.header["kernel"] or scenario.header["qemu"]
    output = bytearray()

    def give_job(machine):
        machine.send(f"JOB {len(job)}\n".encode() + job)

    def listen(machine):
        end = re.compile(rb"LAB-EXIT " + token.encode() + rb" (\d+)\n")
        while True:
            data = machine.receive(deadline)
            if not data:
                output.extend(b"\nlab: the machine ended\n" if data == b"" else b"\nlab: the scenario's time is over\n")
                output.extend(machine.last_words().encode())
                return 1
            output.extend(data)
            on_output(data)
            if found := end.search(output):
                code = int(found.group(1))
                del output[found.start():]
                return code
            # The machine has been rebooted by the scenario: the same job again, which sees by LAB_BOOT where it is.
            if again := re.search(rb"LAB-READY \d+\n", output):
                del output[again.start():again.end()]
                give_job(machine)

    try:
        with suite.boot(shlex.split(scenario.header["kernel"]), shlex.split(scenario.header["qemu"])) if special else suite.restore() as machine:
            if special:
                wait_ready(machine, deadline)
            else:
                suite.resume(machine)
            give_job(machine)
            code = listen(machine)
    except LabError as error:
        code = 1
        output.extend(f"\nlab: {error}\n".encode())
    return Result(code, output.decode(errors="replace"), time.monotonic() - begun)
