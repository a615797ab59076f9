# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of gpuswitchctl share: a private bus, the fake service on it, and the client as a process.

The programs come from the command line of the test: GPUSWITCHCTL FAKE-DAEMON [unittest arguments].
"""

import os
import select
import subprocess
import sys
import tempfile
import unittest

CLIENT = os.path.abspath(sys.argv[1])
FAKE = os.path.abspath(sys.argv[2])
DEADLINE = 60  # seconds; nothing here waits for time to pass, so this is only for hangs
UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path={folder}/bus</listen><servicedir>{folder}/services</servicedir>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>"""


class BusTest(unittest.TestCase):
    activates = None  # the program that the bus starts for our name

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(f"{self.folder}/services")
        with open(f"{self.folder}/bus.conf", "w") as f:
            f.write(BUS_CONFIG.format(folder=self.folder))
        if self.activates:
            with open(f"{self.folder}/services/org.gpuswitch1.service", "w") as f:
                f.write(f"[D-BUS Service]\nName=org.gpuswitch1\nExec={self.activates}\n")
        self.environment = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={self.folder}/bus", TERM="xterm",
                                LC_ALL="C.UTF-8", TZ="UTC")
        self.environment.pop("NO_COLOR", None)
        self.bus = self.spawn(["dbus-daemon", "--nofork", "--print-address=1",
                               f"--config-file={self.folder}/bus.conf"])
        self.bus.stdout.readline()

    def spawn(self, arguments, **how):
        how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        process = subprocess.Popen(arguments, env=self.environment, **how)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        self.addCleanup(end)
        return process

    def start_fake(self, *arguments):
        fake = self.spawn([FAKE, *arguments], stderr=None)
        self.expect(fake, "ready")
        return fake

    def stop_fake(self, fake):
        fake.stdin.close()
        self.assertEqual(fake.wait(DEADLINE), 0)

    def tell(self, fake, command):
        fake.stdin.write(command.encode() + b"\n")
        fake.stdin.flush()

    def line(self, process):
        """The next line of a process; fails instead of hanging."""
        got = b""
        while not got.endswith(b"\n"):
            self.assertTrue(select.select([process.stdout], [], [], DEADLINE)[0], "no line came")
            byte = os.read(process.stdout.fileno(), 1)
            self.assertTrue(byte, f"ended after {got!r}")
            got += byte
        return got.decode().rstrip("\n")

    def expect(self, process, text):
        while self.line(process) != text:
            pass

    def run_client(self, *arguments, stdin="", exits=0):
        done = subprocess.run([CLIENT, *arguments], env=self.environment, input=stdin, capture_output=True,
                              text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, exits, f"{arguments}: {done.stdout}\n{done.stderr}")
        return done

    def first_line(self, done):
        return done.stderr.split("\n")[0]
