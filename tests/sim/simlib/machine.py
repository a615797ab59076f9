# SPDX-License-Identifier: LGPL-2.1-or-later
"""
One simulated machine, seen from inside: the process that makes it is its process 1, so /sys, /dev/vfio and /proc are the
machine's, and plain open() works on them. Nothing here sleeps: what has to be waited for is a descriptor.
"""

import json
import mmap
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

from . import namespace

SOURCE = Path(__file__).resolve().parents[3]
BUS_ADDRESS = "unix:path=/run/dbus/system_bus_socket"
DISPLAY, AUDIO = "0000:01:00.0", "0000:01:00.1"
DISPLAY2, AUDIO2 = "0000:02:00.0", "0000:02:00.1"
# Nothing takes this long; it only keeps a scenario that waits for what never comes from waiting for ever.
PATIENCE = 60

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_destination="*" eavesdrop="false"/><allow receive_sender="*"/></policy></busconfig>
"""


class Failure(Exception):
    """What a scenario expected and did not find."""


class Simulator:
    """simsys and its control socket."""

    def __init__(self, binary, arguments):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.events = []
        self.process = subprocess.Popen([binary, str(theirs.fileno()), "/sim", *arguments],
                                        pass_fds=[theirs.fileno()])
        theirs.close()
        self.wait_event("ready")

    def _receive(self, timeout=PATIENCE):
        if not select.select([self.socket], [], [], timeout)[0]:
            raise Failure("the simulator does not answer")
        text = self.socket.recv(1 << 17).decode()
        if not text:
            raise Failure(f"the simulator has ended, status {self.process.wait()}")
        return text

    def command(self, *words):
        self.socket.send(" ".join(str(word) for word in words).encode())
        while True:
            text = self._receive()
            if text[0] == "!":
                self.events.append(text[1:])
            elif text[0] == "=":
                return text[1:]
            else:
                raise Failure(f"simsys: {' '.join(map(str, words))}: {text[1:]}")

    def wait_event(self, event):
        """Until the simulator has told of EVENT ("ready", "hit ID"); one that was told before counts once."""
        while event not in self.events:
            text = self._receive()
            if text[0] == "!":
                self.events.append(text[1:])
        self.events.remove(event)

    def fault(self, name, do, function="", file="", **more):
        """See struct Fault in sys/fault.h. do: refuse, hold, vanish, vanish-card, dead, notice."""
        words = [f"do={do}"]
        if function:
            words.append(f"function={function}")
        if file:
            words.append(f"file={file}")
        words += [f"{key}={value}" for key, value in more.items()]
        self.command("fault", name, *words)

    def wait_hit(self, name):
        self.wait_event(f"hit {name}")

    def release(self, name, errno=None):
        return int(self.command("release", name, *([errno] if errno else [])))

    def record(self, first=0):
        """Every write that reached /sys, in order: (function or "-", file, value)."""
        lines = []
        while True:
            more = [tuple(line.split(" ", 2)) for line in self.command("record", first + len(lines)).splitlines()]
            if not more:
                return lines
            lines += more

    def state(self):
        """{"cards": {1: {...}}, "functions": {ADDRESS: {...}}}, all values text."""
        result = {"cards": {}, "functions": {}}
        for line in self.command("state").splitlines():
            kind, name, *words = line.split(" ")
            values = dict(word.split("=", 1) for word in words)
            if kind == "card":
                result["cards"][int(name)] = values
            else:
                result["functions"][name] = values
        return result

    def card(self, number=1):
        return self.state()["cards"][number]


POINTS = ("commit", "send", "receive", "request", "write", "answer")


class Page:
    """What shim/shim.c shares with us: how far the daemon's clock is ahead, and how often each point was passed."""

    PATH = "/run/sim-page"
    KILL = 16 + 4 * len(POINTS)

    def __init__(self):
        Path(self.PATH).write_bytes(bytes(mmap.PAGESIZE))
        with open(self.PATH, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def counters(self):
        return dict(zip(POINTS, struct.unpack_from(f"={len(POINTS)}I", self.memory, 16)))

    def reset_counters(self):
        struct.pack_into(f"={len(POINTS)}I", self.memory, 16, *([0] * len(POINTS)))

    def kill(self, point, when, number):
        """As SIM_KILL, for processes that run already: whoever passes POINT for the NUMBER-th time from now on."""
        self.reset_counters()
        struct.pack_into("=II", self.memory, self.KILL + 4, when == "before", number)
        struct.pack_into("=I", self.memory, self.KILL, POINTS.index(point) + 1)

    def struck(self):
        return struct.unpack_from("=I", self.memory, self.KILL)[0] == 0

    def spare(self):
        """What kill() has asked for and has not happened is not to happen."""
        struct.pack_into("=I", self.memory, self.KILL, 0)

    def add(self, place, seconds):
        offset = struct.unpack_from("=q", self.memory, place)[0]
        struct.pack_into("=q", self.memory, place, offset + int(seconds * 1_000_000_000))


class Machine:
    """
    cards: what is in its slots, in order ("polaris", "pascal"); build: the folder with the binaries. The daemon is not
    started by itself.
    """

    def __init__(self, build, cards=("polaris", "pascal"), options=(), policy=None):
        self.build = Path(build)
        self.processes = []
        self.daemon = None
        self.page = None
        self.ready = None
        self.log_path = "/run/gpuswitchd.log"
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                            "DBUS_SYSTEM_BUS_ADDRESS": BUS_ADDRESS,
                            "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=1:abort_on_error=0:exitcode=86",
                            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=86"}
        self._install(policy)
        os.makedirs("/sim", exist_ok=True)
        self.sim = Simulator(str(self.build / "tests/sim/simsys"), [*options, *cards])
        self._mount()
        self._start_bus()

    # --- making it

    def _install(self, policy):
        for name, place in (("gpuswitchd", "usr/libexec"), ("gpuswitch-helper", "usr/libexec"),
                            ("gpuswitchctl", "usr/bin")):
            target = f"/{place}/{name}"
            if os.path.lexists(target):
                os.unlink(target)
            Path(target).touch()
            namespace.mount(str(self.build / name), target, None, namespace.MS_BIND)
        os.symlink(SOURCE / "policy/quirks", "/usr/lib/gpuswitch/quirks.d")
        os.makedirs("/etc/gpuswitch/policy.d")
        if policy:
            Path("/etc/gpuswitch/policy.d/sim.json").write_text(json.dumps(policy))
        os.makedirs("/run/udev")
        Path("/run/udev/control").touch()
        os.makedirs("/run/dbus")
        os.makedirs("/run/gpuswitch")

    def _mount(self):
        namespace.mount("/sim/sys", "/sys", None, namespace.MS_BIND)
        os.makedirs("/dev/vfio")
        namespace.mount("/sim/vfio", "/dev/vfio", None, namespace.MS_BIND)
        Path("/dev/kmsg").touch()
        namespace.mount("/sim/kmsg", "/dev/kmsg", None, namespace.MS_BIND)

    def _start_bus(self):
        Path("/run/dbus/system.conf").write_text(BUS_CONFIG % BUS_ADDRESS)
        reader, writer = os.pipe()
        log = open("/run/bus.log", "wb")
        self.bus = self.spawn(["/usr/bin/dbus-daemon", "--nofork", "--nopidfile", "--nosyslog",
                               "--config-file=/run/dbus/system.conf", f"--print-address={writer}"],
                              pass_fds=[writer], stdout=log, stderr=log)
        os.close(writer)
        log.close()
        if not os.read(reader, 4096):
            raise Failure("dbus-daemon does not start")
        os.close(reader)

    @staticmethod
    def write_policy(*cards):
        """The administrator's only file, which says this of CARDS; the daemon reads it at its start or by Gpuswitch.reload()."""
        Path("/etc/gpuswitch/policy.d/sim.json").write_text(json.dumps({"version": 1, "cards": cards}))

    # --- processes

    def spawn(self, argv, env=None, **more):
        """A process of the machine. It ends with the machine at the latest."""
        process = subprocess.Popen(argv, env={**self.environment, **(env or {})}, stdin=subprocess.DEVNULL, **more)
        self.processes.append(process)
        return process

    def start_daemon(self, env=None, wait=True, shim=False, kill=None, fail=None):
        """
        gpuswitchd, up to READY=1. shim: with shim/shim.c, so that advance() and counters work; kill: "POINT:before:N" or
        "POINT:after:N"; fail: "commit:N:ERRNO" (see there). Both imply shim.
        """
        env = dict(env or {})
        if shim or kill or fail:
            self.page = self.page or Page()
            env |= {"LD_PRELOAD": str(self.build / "tests/sim/libsimshim.so"), "SIM_PAGE": Page.PATH}
        if kill:
            env["SIM_KILL"] = kill
        if fail:
            env["SIM_FAIL"] = fail
        path = "/run/notify"
        if os.path.exists(path):
            os.unlink(path)
        self.ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ready.bind(path)
        log = open(self.log_path, "ab")
        self.daemon = self.spawn(["/usr/libexec/gpuswitchd"], env={"NOTIFY_SOCKET": path, **env}, stdout=log,
                                 stderr=log)
        log.close()
        if wait:
            self.wait_ready()
        return self.daemon

    def wait_ready(self):
        pidfd = os.pidfd_open(self.daemon.pid)
        try:
            while True:
                readable = select.select([self.ready, pidfd], [], [], PATIENCE)[0]
                if self.ready in readable and b"READY=1" in self.ready.recv(4096):
                    # A queue that nobody empties would stop the daemon in its next words to the service manager.
                    self.ready.close()
                    return
                if not readable or pidfd in readable:
                    raise Failure("gpuswitchd did not become ready\n" + self.log())
        finally:
            os.close(pidfd)

    def advance(self, seconds):
        """SECONDS pass for the daemon and its helpers, now. Needs start_daemon(shim=True)."""
        self.page.add(0, seconds)
        self.daemon.send_signal(signal.SIGRTMAX - 3)

    def set_clock(self, seconds):
        """Moves CLOCK_REALTIME of the daemon by SECONDS, which may be below 0."""
        self.page.add(8, seconds)

    def wait_daemon(self):
        """Until it has ended by itself (by SIM_KILL). Returns its status, -9 for SIGKILL."""
        return self.daemon.wait(PATIENCE)

    def helpers(self):
        """Pids of helper processes that have not ended."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and Path(f"/proc/{entry}/cmdline").read_bytes().startswith(b"@gpuswitch-helper"):
                    found.append(int(entry))
            except OSError:
                continue
        return found

    def kill_daemon(self, number=signal.SIGKILL):
        self.daemon.send_signal(number)
        return self.daemon.wait(PATIENCE)

    def stop_daemon(self):
        status = self.kill_daemon(signal.SIGTERM)
        if status != 0:
            raise Failure(f"gpuswitchd ended with status {status}\n" + self.log())

    def log(self):
        return Path(self.log_path).read_text(errors="replace") if os.path.exists(self.log_path) else ""

    def truncate_log(self):
        """What was said so far matters no more."""
        os.truncate(self.log_path, 0)

    # --- asking gpuswitch

    def ctl_start(self, *arguments):
        """gpuswitchctl in the background: a Popen with pipes."""
        return self.spawn(["/usr/bin/gpuswitchctl", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ctl(self, *arguments):
        """(exit status, stdout, stderr)"""
        process = self.ctl_start(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        self.processes.remove(process)
        return process.returncode, out, err

    def status(self, address=None):
        status, out, err = self.ctl("status", "--json")
        if status != 0:
            raise Failure(f"gpuswitchctl status: exit {status}: {err}")
        gpus = {gpu["address"]: gpu for gpu in json.loads(out)["gpus"]}
        return gpus[address] if address else gpus

    # --- looking at the machine itself

    def snapshot(self, *numbers):
        """What a switch changes and has to put back, of the slots with these NUMBERS; of card 1 without any."""
        keys = ("present", "driver", "override", "control", "d3cold", "reset_method", "bars")
        slots = {str(number) for number in numbers or (1,)}
        return {name: {key: values[key] for key in keys}
                for name, values in self.sim.state()["functions"].items() if values["card"] in slots}

    def stop(self):
        """Ends everything in order, and sees that nothing is left: no process, no mount that somebody uses."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
        for pid in self.helpers():
            os.kill(pid, signal.SIGKILL)
        # Hanging up lets simsys go, and that the requests that hang on it.
        self.sim.socket.close()
        self.sim.process.wait(PATIENCE)
        for process in self.processes:
            process.wait(PATIENCE)
        try:
            while True:
                os.waitpid(-1, 0)  # helpers whose daemon was killed have become ours
        except ChildProcessError:
            pass
        left = [entry for entry in os.listdir("/proc") if entry.isdigit() and entry != "1"]
        if left:
            raise Failure(f"processes are left: {left}")
        for place in ("/sys", "/dev/vfio", "/dev/kmsg", "/sim"):
            namespace.umount(place)


def inside(call):
    """
    Runs CALL() as process 1 of namespaces of its own, in a child. Returns the child's pid, to be waited for: exit status
    0, or what CALL() raised is on stderr and it is 1.
    """
    pid = os.fork()
    if pid != 0:
        return pid
    status = 1
    try:
        namespace.unshare()
        first = os.fork()
        if first == 0:
            namespace.build_root("/mnt")
            call()
            status = 0
        else:
            status = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    except Failure as failure:
        print(f"FAIL: {failure}", file=sys.stderr)
    except BaseException:
        import traceback
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if 0 <= status < 256 else 1)

