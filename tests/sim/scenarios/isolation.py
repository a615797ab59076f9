# SPDX-License-Identifier: LGPL-2.1-or-later
"""What explain tells of a card's isolation and of the VM that gets it."""

from simlib import expect
from simlib.machine import DISPLAY
from simlib.runner import scenario


@scenario()
def isolation(m, g):
    """Groups, members and the way up to the root bus, read by the daemon's own helper; nothing is written."""
    before = m.sim.record()
    status, out, err = m.ctl("explain", DISPLAY)
    expect.equal(status, 0, f"exit status of explain: {err}")
    for words in ("IOMMU group: 2, the card alone, a guest can have it", "Way up: 0000:00:04.0", "Advice: "):
        expect.true(words in out, f"'{words}' in what explain says: {out}")
    expect.equal(m.sim.record(), before, "what was written")
    expect.equal(g.properties(DISPLAY)["Owner"], "host", "owner")
