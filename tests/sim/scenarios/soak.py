# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Switch after switch in one machine with two cards, with random faults: 1,000 with --whole, else fewer. SIM_SEED is printed and
can be set, to see a run again.

After each: both cards at rest; what is shown of a card is what the machine is; not stuck; in state failed only where something
was done that may have killed it, and with the reason. Then, if need be, what a person would do (rescan, power cycle, Recover), and
the card goes on. Behind the last kill of the daemon, one process lives through the rest: its open files may not grow, nor (in a
build without sanitizers) its memory.
"""

import os
import random
import select

from simlib import expect
from simlib.gpuswitch import MANAGER, NAME, ROOT
from simlib.machine import AUDIO, AUDIO2, DISPLAY, DISPLAY2, PATIENCE, Failure
from simlib.runner import scenario

CARDS = {1: (DISPLAY, AUDIO), 2: (DISPLAY2, AUDIO2)}
UUIDS = {1: "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", 2: "c7a5fdbd-edaf-9455-926a-d65c16db1809"}
LONGER_THAN_ANY_DEADLINE = 125
# What leaves the bus or the card in a state in which some of the usual promises cannot hold.
HARD = ("vanish", "vanish-card", "dead")
WEIGHTS = {"none": 30, "refuse": 20, "delay": 8, "hang": 6, "vanish": 4, "vanish-card": 3, "dead": 3, "kill-daemon": 9,
           "kill-helper": 9, "group-held": 4, "restart": 4}
ERRNOS = (5, 16, 19, 12, 22)
GROWTH_KIB_MAX = 256
WARM_UP = 40


class Soak:
    def __init__(self, m, g, seed):
        self.m, self.g, self.random = m, g, random.Random(seed)
        self.home = {number: m.snapshot(number) for number in CARDS}
        self.done = {kind: 0 for kind in WEIGHTS}
        self.refused = self.number = 0

    # --- one switch

    def begin(self, number, held=False):
        """To where the card is not, by hand or for a virtual machine."""
        display, _ = CARDS[number]
        shown = self.g.properties(display)
        if shown["Domain"]:
            if not held and shown["Owner"] == "guest" and self.random.random() < 0.5:
                self.m.sim.command("guest", "start", number)
                self.m.sim.command("guest", "stop", number)
            return self.g.bus.start(NAME, ROOT, MANAGER, "ReleaseDomain", "ss", UUIDS[number], "destroyed")
        if shown["Owner"] == "guest" or shown["LeasedByHand"]:
            return self.g.start(display, "ToHost")
        if self.random.random() < 0.5:
            return self.g.bus.start(NAME, ROOT, MANAGER, "PrepareDomain", "ssas", UUIDS[number], f"vm{number}", [display])
        return self.g.start(display, "ToGuest")

    def hit(self, name, call):
        """Waits for the fault to strike; False: the way is over and it has not."""
        while True:
            if f"hit {name}" in self.m.sim.events:
                self.m.sim.events.remove(f"hit {name}")
                return True
            self.g.bus.signals.clear()
            if self.g.bus.done(call) and self.at_rest():
                return False
            self.g.bus.drain()
            if self.g.bus.signals:
                continue
            readable = select.select([self.m.sim.socket, self.g.bus.socket], [], [], PATIENCE)[0]
            expect.true(readable, "neither the fault nor the end of the way has come")
            if self.m.sim.socket in readable:
                self.m.sim.events.append(self.m.sim.socket.recv(1 << 17).decode()[1:])

    def at_rest(self):
        return all(not shown or shown["Owner"] != "switching"
                   for shown in (self.g.properties(display) for display, _ in CARDS.values()))

    def switch(self, number, kind):
        display, audio = CARDS[number]
        name = f"f{self.number}"
        target = self.random.choice((display, display, audio))
        skip = self.random.randrange(9)
        if kind in ("refuse", *HARD):
            self.m.sim.fault(name, kind, target, skip=skip, errno=self.random.choice(ERRNOS))
        elif kind in ("delay", "hang"):
            self.m.sim.fault(name, "hold", target, skip=skip)
        elif kind == "kill-daemon":
            point, when = self.random.choice((("commit", "before"), ("commit", "after"), ("send", "before"), ("send", "after"),
                                              ("receive", "after")))
            self.m.page.kill(point, when, self.random.randrange(1, 25))
        elif kind == "kill-helper":
            point, when = self.random.choice((("request", "after"), ("write", "before"), ("write", "after"), ("answer", "after")))
            self.m.page.kill(point, when, self.random.randrange(1, 25))
        held = None
        if kind == "group-held" and self.g.properties(display)["Owner"] == "guest":
            group = self.m.sim.state()["functions"][display]["group"]
            held = open(f"/dev/vfio/{group}", "r+b", buffering=0)
            self.m.sim.fault(name, "notice", file=f"vfio/{group}", kind="o")
        call = self.begin(number, held is not None)
        if held:
            self.hit(name, call)
            held.close()
        if kind == "delay" and self.hit(name, call):
            self.m.sim.release(name)
        if kind == "hang" and self.hit(name, call):
            self.hang(number, name, call)
        self.refused += self.g.finish(call) is not None
        self.g.wait(display, lambda p: p is None or p["Owner"] != "switching", f"switch {self.number} to end")
        if kind in ("refuse", "delay", "hang", *HARD) or held:
            self.m.sim.command("forget", name)
        self.revive(kind)

    def hang(self, number, name, call):
        display, _ = CARDS[number]
        self.m.advance(LONGER_THAN_ANY_DEADLINE)
        shown = self.g.wait_stuck(display)
        expect.true(display[:-2] in shown["StuckReason"] and "helper pid" in shown["StuckReason"], shown["StuckReason"])
        expect.true(shown["StuckDetail"], "a stuck card without detail")
        other = CARDS[3 - number][0]
        expect.true(not self.g.properties(other)["Stuck"], "the other card is stuck too")
        self.m.sim.release(name)
        self.g.wait_stuck(display, False)

    def revive(self, kind):
        """The next daemon, where this one was killed."""
        if kind == "restart":
            self.m.stop_daemon()
            self.m.start_daemon(shim=True)
        if not kind.startswith("kill-"):
            return
        struck = self.m.page.struck()
        self.m.page.spare()
        if kind == "kill-daemon" and struck:
            expect.equal(self.m.wait_daemon(), -9, "the end of the daemon")
            self.m.truncate_log()
            self.m.start_daemon(shim=True)

    # --- what has to be true, and what a person does

    def check(self, number, kind, mine):
        display, _ = CARDS[number]
        state = self.m.sim.state()
        if not all(f["present"] == "1" for f in state["functions"].values() if f["card"] == str(number)):
            with open("/sys/bus/pci/rescan", "w") as file:
                file.write("1")
        if state["cards"][number]["state"] == "failed":
            self.bring_back(number)
        self.g.wait(display, lambda p: p is not None and len(p["Functions"]) == 2 and (p["Stuck"] or p["Owner"] != "switching"),
                    f"GPU {number} to be there and at rest")
        shown = self.g.properties(display)
        expect.true(not shown["Stuck"], f"stuck: {shown['StuckReason']}")
        expect.explained(self.m, self.g, display, number)
        if shown["ResetState"] == "failed":
            expect.true(mine and kind in ("refuse", "delay", "hang", "kill-helper", "kill-daemon", *HARD), "failed without a reason")
            expect.true(shown["Reason"], "failed, and no reason is told")
            expect.done(self.g.switch(display, "Recover"), "Recover")
        if self.m.sim.state()["functions"][display]["driver"] == "":
            # Nobody has it, and status says so; by hand it comes home.
            expect.equal(self.g.properties(display)["Owner"], "none", "owner")
            if self.g.properties(display)["Domain"]:
                expect.done(self.g.release(UUIDS[number]), "ReleaseDomain")
                self.g.wait_idle(display)
            expect.done(self.g.switch(display, "ToHost"), "home, from no driver")

    def bring_back(self, number):
        """Power off and on, with nobody bound: what a person does with a dead card."""
        display, _ = CARDS[number]
        self.g.wait_idle(display)
        self.g.switch(display, "Recover")  # one that died behind the last look at it: the next look tells
        expect.equal(self.g.wait_idle(display)["ResetState"], "failed", "reset state of a dead card")
        for address in reversed(CARDS[number]):
            with open(f"/sys/bus/pci/devices/{address}/remove", "w") as file:
                file.write("1")
        self.m.sim.command("set", number, "power_cycle", 1)
        with open("/sys/bus/pci/rescan", "w") as file:
            file.write("1")

    def unharmed(self):
        for number, card in self.m.sim.state()["cards"].items():
            expect.equal(card["bus_resets_in_prefail"], "0", f"bus resets of card {number} in prefail")

    def one(self, kinds):
        self.number += 1
        number = self.random.choice((1, 2))
        kind = self.random.choices(kinds, [WEIGHTS[k] for k in kinds])[0]
        self.done[kind] += 1
        try:
            self.switch(number, kind)
            self.check(number, kind, True)
            self.check(3 - number, kind, False)
            self.unharmed()
        except (Failure, OSError, TimeoutError) as failure:
            raise Failure(f"switch {self.number}, card {number}, {kind}: {failure}") from None

    def private_dirty(self):
        with open(f"/proc/{self.m.daemon.pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Private_Dirty"))

    def open_files(self):
        return sorted(os.readlink(f"/proc/{self.m.daemon.pid}/fd/{fd}").split(":")[0]
                      for fd in os.listdir(f"/proc/{self.m.daemon.pid}/fd"))

    def status_says_the_same(self):
        gpus = self.m.status()
        for display, _ in CARDS.values():
            shown = self.g.properties(display)
            expect.equal((gpus[display]["owner"], gpus[display]["reset_state"], gpus[display]["stuck"], gpus[display]["operation"]),
                         (shown["Owner"], shown["ResetState"], shown["Stuck"], None), f"status of {display}")


@scenario(shim=True, timeout=3600)
def soak(m, g):
    n = int(os.environ.get("SIM_SWITCHES", 1000 if m.whole else 150))
    seed = int(os.environ.get("SIM_SEED", 1))
    print(f"SIM_SEED={seed}, {n} switches", flush=True)
    soaked = Soak(m, g, seed)
    lasting = [kind for kind in WEIGHTS if kind not in ("kill-daemon", "restart")]
    for _ in range(n // 2):
        soaked.one(list(WEIGHTS))
        if soaked.number % 20 == 0:
            soaked.status_says_the_same()
    for _ in range(WARM_UP):
        soaked.one(lasting)
    dirty, files, pid = soaked.private_dirty(), soaked.open_files(), m.daemon.pid
    for _ in range(n - n // 2 - WARM_UP):
        soaked.one(lasting)
    soaked.status_says_the_same()
    expect.equal(m.daemon.pid, pid, "the daemon")
    expect.equal(soaked.open_files(), files, "open files")
    grown = soaked.private_dirty() - dirty
    print(f"{soaked.done}, {soaked.refused} refused or cut off; over the last {n - n // 2 - WARM_UP}: {len(files)} open files, "
          f"Private_Dirty {dirty} kB, grown by {grown} kB")
    with open(f"/proc/{m.daemon.pid}/maps") as file:
        sanitized = "libasan" in file.read()
    expect.true(sanitized or grown <= GROWTH_KIB_MAX, f"memory has grown by {grown} kB")
