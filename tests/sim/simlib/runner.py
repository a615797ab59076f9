# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scenarios: how they are named, and how many of them are run at once, each in a machine of its own."""

import fnmatch
import importlib
import os
import re
import select
import signal
import sys
import tempfile
import time
from pathlib import Path

from .gpuswitch import Gpuswitch
from .machine import Failure, Machine, inside

FOLDER = Path(__file__).resolve().parents[1] / "scenarios"
SCENARIOS, TIMEOUTS = {}, {}
# A scenario takes a fraction of a second; one that takes this long has failed.
TIMEOUT = 120


def add(name, call, cards=("polaris", "pascal"), options=(), policy=None, shim=False, start=True, timeout=TIMEOUT):
    """CALL(machine, gpuswitch) is scenario NAME; gpuswitch is None when the daemon is not to be started."""
    if name in SCENARIOS:
        raise ValueError(f"two scenarios are called {name}")
    SCENARIOS[name] = (call, {"cards": cards, "options": options, "policy": policy}, shim, start)
    TIMEOUTS[name] = timeout


def scenario(**more):
    """Decorator: the function's name, with dashes, is the scenario's."""
    def register(call):
        add(call.__name__.replace("_", "-"), call, **more)
        return call
    return register


def load():
    sys.path.insert(0, str(FOLDER.parent))
    for path in sorted(FOLDER.glob("*.py")):
        importlib.import_module(f"scenarios.{path.stem}")


def chosen(patterns):
    """Names of scenarios by PATTERNS, all without any; one cell of a matrix is SCENARIO/CELL."""
    whole = [pattern for pattern in patterns if "/" not in pattern]
    names = [name for name in SCENARIOS if not patterns or any(fnmatch.fnmatch(name, p) for p in whole)]
    for pattern in patterns:
        if not fnmatch.filter(SCENARIOS, pattern.split("/")[0]):
            raise SystemExit(f"no scenario is called {pattern}")
    return names + [pattern for pattern in patterns if "/" in pattern]


def perform(name, build, whole):
    """As process 1 of the scenario's machine."""
    scenario_name, _, cell = name.partition("/")
    call, machine_options, shim, start = SCENARIOS[scenario_name]
    machine = Machine(build, **machine_options)
    machine.name, machine.cell, machine.whole = scenario_name, cell or None, whole
    try:
        gpuswitch = None
        if start:
            machine.start_daemon(shim=shim)
            gpuswitch = Gpuswitch()
        call(machine, gpuswitch)
        if machine.daemon and machine.daemon.poll() is None:
            machine.stop_daemon()
        machine.stop()
        # A helper's end is no end of the scenario, and gpuswitchctl's may be one that was expected.
        for sign in "Sanitizer", "runtime error:":
            if sign in machine.log():
                raise Failure(f"a sanitizer has spoken ({sign})")
    except BaseException:
        print("--- gpuswitchd\n" + machine.log(), file=sys.stderr)
        try:
            record = "".join(" ".join(line) + "\n" for line in machine.sim.record())
            print(f"--- writes\n{record}--- cards\n{machine.sim.command('state')}", file=sys.stderr)
        except (Failure, OSError):
            pass
        raise


def children(pid):
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def end(pid):
    """SIGKILL to a machine's processes, the simulator among them: without it none of the others could end."""
    everybody, at = [pid], 0
    while at < len(everybody):
        everybody += children(everybody[at])
        at += 1
    for process in reversed(everybody):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Run:
    def __init__(self, name, build, whole):
        self.name, self.begun = name, time.monotonic()
        self.output = tempfile.TemporaryFile()
        sys.stdout.flush()
        sys.stderr.flush()

        def call():
            os.dup2(self.output.fileno(), 1)
            os.dup2(self.output.fileno(), 2)
            perform(name, build, whole)
        saved = os.dup(2)
        os.dup2(self.output.fileno(), 2)
        try:
            self.pid = inside(call)
        finally:
            os.dup2(saved, 2)
            os.close(saved)
        self.pidfd = os.pidfd_open(self.pid)

    def result(self):
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.pidfd)
        self.output.seek(0)
        return status, self.output.read().decode(errors="replace"), time.monotonic() - self.begun


def run(names, build, jobs, verbose, whole=False):
    """Returns (passed, failed names)."""
    waiting, running, passed, failed, cells, of = list(names), {}, 0, [], 0, 0
    while waiting or running:
        while waiting and len(running) < jobs:
            one = Run(waiting.pop(0), build, whole)
            running[one.pidfd] = one
        ready = select.select(list(running), [], [], 1)[0]
        for one in list(running.values()):
            timeout = TIMEOUTS[one.name.partition("/")[0]]
            if one.pidfd not in ready and time.monotonic() - one.begun > timeout:
                print(f"{one.name}: not done after {timeout} s, ended", file=sys.stderr)
                end(one.pid)
        for pidfd in ready:
            one = running.pop(pidfd)
            status, output, seconds = one.result()
            print(f"{'ok' if status == 0 else 'FAIL'} {one.name} ({seconds:.2f} s)", flush=True)
            for match in re.finditer(r"^(\d+) of (\d+) cells", output, re.MULTILINE):
                cells += int(match[1])
                of += int(match[2])
            if status == 0:
                passed += 1
            else:
                failed.append(one.name)
            if output and (verbose or status != 0):
                print(output, end="", flush=True)
    if cells:
        print(f"{cells} of {of} cells of the crash matrix")
    return passed, failed
