# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verbs of the lab."""

import concurrent.futures
import sys
import threading

from .cache import Cache
from .machine import sweep
from .process import LabError
from .scenario import Run, Scenario
from .state import Suite
from .suites import DEFAULT, SUITES


def say(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)


def show(data):
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def suites_of(vm, names):
    """Brings the layers of some suites up to date, side by side."""
    cache = Cache(say)
    sweep()
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(lambda name: Suite(cache, name, vm.parent.parent, vm), names)))


def build(vm, options):
    suites_of(vm, options.suite or list(SUITES))
    return 0


def load(vm, names):
    """The scenarios of those names, or all there are. A name with a folder ("demo/plain") is no part of "all"."""
    files = {path.stem: path for path in sorted((vm / "scenarios").glob("*.sh"))}
    names = [name.removesuffix(".sh").removeprefix("tests/vm/").removeprefix("scenarios/") for name in names] or list(files)
    files |= {name: vm / f"{name}.sh" for name in names if "/" in name and (vm / f"{name}.sh").is_file()}
    if unknown := [name for name in names if name not in files]:
        raise LabError(f"no scenario \"{unknown[0]}\"; there are: {', '.join(files)}")
    return [Scenario(name, files[name].read_text(encoding="utf-8")) for name in names]


def run(vm, options):
    wanted = [(scenario, suite) for scenario in load(vm, options.scenario) for suite in scenario.suites
              if suite in (options.suite or SUITES)]
    if not wanted:
        raise LabError("none of these scenarios is for that suite")
    suites = suites_of(vm, [name for name in SUITES if any(suite == name for _, suite in wanted)])
    live = show if options.verbose and options.jobs == 1 else None

    def one(pair):
        scenario, suite = pair
        result = Run(scenario, vm / "guest", live).on(suites[suite])
        if result.emulator_broke:
            say(f"{scenario.name} {suite}: QEMU itself broke down, once more:\n{result.output.strip()}")
            result = Run(scenario, vm / "guest", live).on(suites[suite])
        verdict = "FAIL" if result.code else "ok"
        text = f"{verdict} {scenario.name} {suite} ({result.seconds:.0f} s)\n"
        if result.code and not live:
            text += "".join(f"    {line}\n" for line in result.output.splitlines()[-120:])
        show(text.encode())
        return result.code == 0

    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        passed = sum(pool.map(one, wanted))
    print(f"{passed} passed, {len(wanted) - passed} failed")
    return 0 if passed == len(wanted) else 1


def command(text, headers, mark):
    header = "".join(f"# {name}: {value}\n" for name, _, value in (item.partition("=") for item in headers))
    return Scenario(mark, f"#!/bin/bash\n{header}# timeout: 86400\n\n. ./lib.sh\n{text}\n", (mark,))


def execute(vm, options):
    (name,) = options.suite or [DEFAULT]
    suite = suites_of(vm, [name])[name]
    return Run(command(options.command, options.header, "quiet"), vm / "guest", show).on(suite).code


def shell(vm, options):
    (name,) = options.suite or [DEFAULT]
    suite = suites_of(vm, [name])[name]

    def type_in(machine):
        for line in sys.stdin.buffer:
            machine.send(line)
        machine.send(b"exit\n")

    def start_typing(machine):
        threading.Thread(target=type_in, args=(machine,), daemon=True).start()

    return Run(command("", options.header, "interactive"), vm / "guest", show, start_typing).on(suite).code


VERBS = {"build": build, "run": run, "exec": execute, "shell": shell}
