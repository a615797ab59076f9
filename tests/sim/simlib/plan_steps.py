# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every write of the two ways of card 1, in order. The scenario `tables-are-whole` holds this list against the real plan."""

from collections import namedtuple

from .machine import AUDIO, DISPLAY

# name: of the scenario. value: what is written (of bind and unbind: the driver). seconds: the deadline of the step.
# place: "out" undone by going back, "reset" part of the reset, "tail" behind the bind of the host driver.
Step = namedtuple("Step", "name function file value seconds place")

TO_GUEST = [
    Step("d3cold-display", DISPLAY, "d3cold_allowed", "0", 20, "out"),
    Step("d3cold-audio", AUDIO, "d3cold_allowed", "0", 20, "out"),
    Step("override-audio", AUDIO, "driver_override", "pci-stub", 20, "out"),
    Step("unbind-audio", AUDIO, "unbind", "snd_hda_intel", 20, "out"),
    Step("bind-audio", AUDIO, "bind", "pci-stub", 20, "out"),
    Step("override-display", DISPLAY, "driver_override", "vfio-pci", 20, "out"),
    Step("unbind-display", DISPLAY, "unbind", "amdgpu", 20, "out"),
    Step("reset", DISPLAY, "config", "0x7c=39d5e86b", 120, "reset"),
    Step("restore-display", DISPLAY, "config", "0x10=", 120, "reset"),
    Step("restore-audio", AUDIO, "config", "0x10=", 120, "reset"),
    Step("bind-display", DISPLAY, "bind", "vfio-pci", 20, "out"),
    Step("power-display", DISPLAY, "power/control", "on", 20, "out"),
    Step("power-audio", AUDIO, "power/control", "on", 20, "out"),
]
TO_HOST = [
    Step("override-display", DISPLAY, "driver_override", "amdgpu", 20, "out"),
    Step("unbind-display", DISPLAY, "unbind", "vfio-pci", 20, "out"),
    Step("bind-display", DISPLAY, "bind", "amdgpu", 20, "out"),
    Step("clear-override-display", DISPLAY, "driver_override", "\\n", 20, "tail"),
    Step("power-display", DISPLAY, "power/control", "on", 20, "tail"),
    Step("d3cold-display", DISPLAY, "d3cold_allowed", "1", 20, "tail"),
    Step("override-audio", AUDIO, "driver_override", "snd_hda_intel", 20, "tail"),
    Step("unbind-audio", AUDIO, "unbind", "pci-stub", 20, "tail"),
    Step("bind-audio", AUDIO, "bind", "snd_hda_intel", 20, "tail"),
    Step("clear-override-audio", AUDIO, "driver_override", "\\n", 20, "tail"),
    Step("power-audio", AUDIO, "power/control", "auto", 20, "tail"),
    Step("d3cold-audio", AUDIO, "d3cold_allowed", "1", 20, "tail"),
]
STEPS = {"guest": TO_GUEST, "host": TO_HOST}
METHOD = {"guest": "ToGuest", "host": "ToHost"}


def is_of(step, line):
    """Is a line of the record a write of the step?"""
    return (step.function, step.file) == line[:2] and line[2].startswith(step.value)
