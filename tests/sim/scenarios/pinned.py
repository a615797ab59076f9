# SPDX-License-Identifier: LGPL-2.1-or-later
"""The model is pinned to a real kernel: the lab's scenario `pinned` runs the same steps and has to give the same transcript."""

import difflib
from pathlib import Path

from simlib.machine import AUDIO, DISPLAY, Failure
from simlib.runner import FOLDER, scenario


@scenario(start=False, options=("--no-pm",))
def pinned(m, g):
    expected = (FOLDER.parent / "pinned.expected").read_text()
    process = m.spawn(["/usr/bin/python3", str(FOLDER.parent / "pinned-steps"), DISPLAY, AUDIO], stdout=-1, text=True)
    actual, _ = process.communicate()
    if process.returncode != 0 or actual != expected:
        raise Failure("not as on a real kernel:\n" + "".join(difflib.unified_diff(
            expected.splitlines(True), actual.splitlines(True), "pinned.expected (kernel)", "simulator")))
