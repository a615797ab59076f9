# SPDX-License-Identifier: LGPL-2.1-or-later
"""One scenario: its header, and its run on a machine of its own."""

import io
import re
import secrets
import shlex
import tarfile
import time

from .process import LabError
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
    "console": ("", r".*"),
}
PINNED = ("pinned-steps", "pinned.expected")
FOR_THE_GUEST = ("temper", "groups", "model", "gpuswitch", "timeout")

# What the machine itself may need beyond the scenario's time: to come up, and to show its evidence.
GRACE_SECONDS = 90


class Scenario:
    def __init__(self, name, text, marks=()):
        """marks are empty files in the job: "quiet" (no evidence on failure), "interactive" (a shell instead of the text)."""
        self.name = name
        self.text = text
        self.marks = marks
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

    def job(self, guest, token, first_boot, number, before):
        """The archive that the agent unpacks and runs."""
        settings = {key: self.header[key] for key in FOR_THE_GUEST} | {"first_boot": str(first_boot), "machine": str(number)}
        files = {
            "run": (guest / "run").read_text(encoding="utf-8"),
            **{file.name: file.read_text(encoding="utf-8") for file in sorted(guest.glob("*.sh"))},
            # What the simulator is held to, see tests/sim/README.md.
            **{name: (guest.parents[1] / "sim" / name).read_text(encoding="utf-8") for name in PINNED},
            "settings": "".join(f"LAB_{key.upper()}={shlex.quote(value)}\n" for key, value in settings.items()),
            "scenario": self.text,
            "token": token,
            "before": before,
            **dict.fromkeys(self.marks, ""),
        }
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w") as archive:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
        return whole.getvalue()


class Result:
    def __init__(self, code, output, seconds):
        self.code = code
        self.output = output
        self.seconds = seconds
        # A failed assertion of the QEMU that plays the PC is no word about what runs in it.
        self.emulator_broke = bool(re.search(r"^lab: the machine ended:\n.*qemu-system.*Assertion", output, re.M | re.S))


class Run:
    """A scenario on its way."""

    def __init__(self, scenario, guest, on_output=None, on_start=None):
        self.scenario = scenario
        self.guest = guest
        self.on_output = on_output or (lambda data: None)
        self.on_start = on_start or (lambda machine: None)
        self.token = secrets.token_hex(8)
        self.number = 0  # of the machine
        self.heard = bytearray()  # not yet known to be whole lines
        self.output = bytearray()
        self.begun = time.monotonic()
        self.deadline = self.begun + int(scenario.header["timeout"]) + GRACE_SECONDS

    def on(self, suite):
        """Runs it; a machine that breaks is a failed scenario, with the machine's last words as its output."""
        code = None
        try:
            while code is None:
                code = self._on_machine(suite)
        except LabError as error:
            code = 1
            self._take(f"lab: {error}\n".encode())
        return Result(code, self.output.decode(errors="replace"), time.monotonic() - self.begun)

    def _on_machine(self, suite):
        """None when the scenario wants to go on on another machine."""
        header = self.scenario.header
        special = header["kernel"] or header["qemu"]
        self.number += 1
        with suite.boot(shlex.split(header["kernel"]), shlex.split(header["qemu"])) if special else suite.restore() as machine:
            if special:
                machine.wait_ready(self.deadline)
            else:
                suite.resume(machine)
            machine.send(self._job(machine.boot))
            self.on_start(machine)
            code = self._listen(machine)
            if code == 0:
                self._look_at_console(machine)
            return code

    def _look_at_console(self, machine):
        """What the scenario's header says that a person must have read there; it may come after the scenario's end."""
        wanted = re.compile(self.scenario.header["console"], re.S)
        while not wanted.search(machine.console_text()):
            if time.monotonic() > self.deadline or machine.process.poll() is not None:
                raise LabError(f"the console did not show \"{wanted.pattern}\":\n{machine.last_words()}")
            time.sleep(0.1)

    def _job(self, first_boot):
        job = self.scenario.job(self.guest, self.token, first_boot, self.number, self.output.decode(errors="replace"))
        return f"JOB {len(job)}\n".encode() + job

    def _take(self, data):
        self.output += data
        self.on_output(data)

    def _listen(self, machine):
        ours = re.compile(rb"^LAB-(?:(REBOOT)|(READY) \d+|(NEXT) %b|EXIT %b (\d+))\n" % (2 * (self.token.encode(),)), re.M)
        expected = False
        while True:
            data = machine.receive(self.deadline)
            if not data:
                self._take(bytes(self.heard))
                raise LabError(("the machine ended" if data == b"" else "the machine did not end in time") + ":\n" + machine.last_words())
            self.heard += data
            if found := ours.search(self.heard):
                self._take(bytes(self.heard[:found.start()]))
                reboot, ready, another, code = found.groups()
                del self.heard[:found.end()]
                if another:
                    self.heard.clear()
                    return None
                if code is not None:
                    return int(code)
                if ready and not expected:
                    raise LabError(f"the machine has rebooted by itself:\n{machine.last_words(80)}")
                if ready:
                    # The same job again, which sees by LAB_BOOT where it is.
                    machine.send(self._job(machine.boot))
                expected = bool(reboot)
                continue
            # Prompts are no whole lines, so only what may become one of our own lines is held back.
            held = self.heard.rfind(b"\nLAB-") + 1 if b"\nLAB-" in self.heard else 0 if self.heard.startswith(b"LAB-") else len(self.heard)
            self._take(bytes(self.heard[:held]))
            del self.heard[:held]
