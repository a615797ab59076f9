# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verbs of the lab."""

import concurrent.futures
import sys

from .cache import Cache
from .process import LabError
from .scenario import Scenario
from .scenario import run as run_scenario
from .state import Suite
from .suites import DEFAULT, SUITES


def say(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)


def tree_of(vm):
    return vm.parent.parent


def build(vm, options):
    cache = Cache(say)
    for name in options.suite or SUITES:
        Suite(cache, name, tree_of(vm), vm)
        say(f"{name} is built")
    return 0


def load(vm, names):
    """The scenarios of those names, or all there are."""
    files = {path.stem: path for path in sorted((vm / "scenarios").glob("*.sh"))}
    names = [name.removesuffix(".sh").rpartition("/")[2] for name in names] or list(files)
    if unknown := [name for name in names if name not in files]:
        raise LabError(f"no scenario \"{unknown[0]}\"; there are: {', '.join(files)}")
    return [Scenario(name, files[name].read_text(encoding="utf-8")) for name in names]


def run(vm, options):
    cache = Cache(say)
    wanted = [(scenario, suite) for scenario in load(vm, options.scenario) for suite in scenario.suites
              if suite in (options.suite or SUITES)]
    if not wanted:
        raise LabError("none of these scenarios is for that suite")
    suites = {name: Suite(cache, name, tree_of(vm), vm) for name in SUITES if any(suite == name for _, suite in wanted)}

    def show(data):
        sys.stdout.buffer.write(data)
        sys.stdout.flush()

    def one(scenario, suite):
        live = show if options.verbose and options.jobs == 1 else lambda data: None
        result = run_scenario(scenario, suites[suite], vm / "guest", live)
        if result.code != 0:
            tail = "\n".join(f"    {line}" for line in result.output.splitlines()[-80:])
            print(f"FAIL {scenario.name} {suite} ({result.seconds:.0f} s)\n{tail}", flush=True)
        else:
            print(f"ok   {scenario.name} {suite} ({result.seconds:.0f} s)", flush=True)
        return result.code == 0

    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        passed = sum(pool.map(lambda pair: one(*pair), wanted))
    print(f"{passed} passed, {len(wanted) - passed} failed")
    return 0 if passed == len(wanted) else 1


def command_scenario(text, headers):
    header = "".join(f"# {name}: {value}\n" for name, _, value in (item.partition("=") for item in headers))
    return Scenario("command", f"#!/bin/bash\n{header}\n. ./lib.sh\n{text}\n")


def execute(vm, options):
    cache = Cache(say)
    suite = Suite(cache, (options.suite or [DEFAULT])[-1], tree_of(vm), vm)

    def show(data):
        sys.stdout.buffer.write(data)
        sys.stdout.flush()

    result = run_scenario(command_scenario(options.command, options.header), suite, vm / "guest", show)
    if result.output.rpartition("\nlab: ")[1]:
        sys.stderr.write("lab: " + result.output.rpartition("\nlab: ")[2])
    return result.code


globals()["exec"] = execute
