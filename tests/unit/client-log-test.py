#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gpuswitchctl log against a journald of its own, which sees neither this machine's journal nor its /run.

usage: client-log-test.py GPUSWITCHCTL NAMES-HEADER
Works as any user who may have a user namespace, else it is skipped (77). As root it also sends as another user.
"""

import glob
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest

CLIENT, NAMES = (os.path.abspath(path) for path in sys.argv[1:3])
JOURNALD = "/lib/systemd/systemd-journald"
INSIDE = "GPUSWITCH_LOG_TEST_INSIDE"
NAMESPACE = "gpuswitch-test"

with open(NAMES) as header:
    IDS = dict(re.findall(r"define MESSAGE_ID_(\w+) \"([0-9a-f]{32})\"", header.read()))


def wait_ready(notify):
    while b"READY=1" not in notify.recv(4096).split(b"\n"):
        pass


class LogTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs("/run/systemd")
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.settimeout(60)
            notify.bind(f"{folder}/notify")
            cls.journald = subprocess.Popen([JOURNALD, NAMESPACE], stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL, env=dict(os.environ, NOTIFY_SOCKET=f"{folder}/notify"))
            cls.addClassCleanup(cls.journald.wait)
            cls.addClassCleanup(cls.journald.terminate)
            wait_ready(notify)
        cls.environment = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8")
        cls.send(MESSAGE="first\x1b[31m", MESSAGE_ID=IDS["STATE_CHANGED"], GPUSWITCH_GPU="0000:01:00.0",
                 GPUSWITCH_STATE="touched", GPUSWITCH_OLD_STATE="fresh", PRIORITY="5")
        cls.send(MESSAGE="of somebody else", PRIORITY="3")
        if os.environ[INSIDE] == "root":
            cls.send(uid=65534, MESSAGE="spoofed", MESSAGE_ID=IDS["STATE_CHANGED"], GPUSWITCH_GPU="0000:01:00.0")
        cls.send(MESSAGE="without a kind", GPUSWITCH_GPU="0000:01:00.0")
        cls.send(MESSAGE="refused\nbecause", MESSAGE_ID=IDS["SWITCH_REFUSED"], GPUSWITCH_GPU="0000:02:00.0",
                 PRIORITY="4")
        cls.send(MESSAGE="last", MESSAGE_ID=IDS["OTHER_HANDS"])
        cls.wait_for_entry("last")

    @classmethod
    def folder(cls):
        return glob.glob(f"/var/log/journal/*.{NAMESPACE}") + glob.glob(f"/run/log/journal/*.{NAMESPACE}")

    @staticmethod
    def send(uid=0, **fields):
        """In journald's native protocol; in a process of its own where it has to come from another user."""
        data = b""
        for key, value in fields.items():
            value = value.encode()
            data += key.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
        sender = os.fork()  # journald asks the kernel who sends
        if sender == 0:
            try:
                os.setuid(uid)
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
                    journal.connect(f"/run/systemd/journal.{NAMESPACE}/socket")
                    journal.send(data)
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(sender, 0)[1] == 0

    @classmethod
    def follow(cls, *arguments):
        return subprocess.Popen([CLIENT, "log", "--follow", "-D", cls.folder()[0], *arguments],
                                stdout=subprocess.PIPE, text=True, env=cls.environment)

    @classmethod
    def wait_for_entry(cls, text):
        """journald takes entries in order, so when this one is there all before it are."""
        with cls.follow("--json") as client:
            for line in client.stdout:
                if json.loads(line)["message"] == text:
                    break
            client.terminate()

    def log(self, *arguments, exits=0):
        done = subprocess.run([CLIENT, "log", "-D", self.folder()[0], *arguments], capture_output=True, text=True,
                              env=self.environment, timeout=60)
        self.assertEqual(done.returncode, exits, done.stderr)
        return done

    def messages(self, *arguments):
        lines = self.log(*arguments).stdout.splitlines()
        for line in lines:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (-|[0-9a-f:.]+) ")
        return [line.split(" ", 3)[2:] for line in lines]

    def test_all(self):
        self.assertEqual(self.messages(), [["0000:01:00.0", "first?[31m"], ["0000:02:00.0", "refused because"],
                                           ["-", "last"]])

    def test_one_gpu(self):
        for name in ("0000:01:00.0", "01:00.0"):
            self.assertEqual(self.messages(name), [["0000:01:00.0", "first?[31m"],
                                                   ["0000:01:00.0", "without a kind"]])
        done = self.log("05:00.0")
        self.assertEqual((done.stdout, done.stderr), ("", "No entries.\n"))

    def test_lines_and_boot(self):
        self.assertEqual(self.messages("-n", "1"), [["-", "last"]])
        self.assertEqual(len(self.messages("--lines=2")), 2)
        for arguments in (["-n", "3"], ["-n", "4"], ["--lines=1000000"], ["--boot"]):
            self.assertEqual(len(self.messages(*arguments)), 3)
        self.assertEqual(self.messages("--lines=0"), [])
        self.assertEqual(len(self.messages("-b", "01:00.0")), 2)

    def test_json(self):
        first = json.loads(self.log("--json").stdout.splitlines()[0])
        self.assertRegex(first.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        self.assertEqual(first, {"priority": 5, "message_id": IDS["STATE_CHANGED"], "message": "first?[31m",
                                 "gpu": "0000:01:00.0", "state": "touched", "old_state": "fresh"})

    def test_follow(self):
        with self.follow("03:00.0") as client:
            self.send(MESSAGE="new", GPUSWITCH_GPU="0000:03:00.0")
            self.assertRegex(client.stdout.readline(), r" 0000:03:00.0 new\n$")
            self.send(MESSAGE="newer", GPUSWITCH_GPU="0000:03:00.0")
            self.assertRegex(client.stdout.readline(), r" 0000:03:00.0 newer\n$")
            client.terminate()

    def test_zz_every_kind(self):  # last: it sends what the others would see
        for name, number in IDS.items():
            self.send(MESSAGE=f"of kind {name}", MESSAGE_ID=number)
        self.send(MESSAGE="behind them", MESSAGE_ID=IDS["OTHER_HANDS"])
        self.wait_for_entry("behind them")
        said = [message for _, message in self.messages()]
        self.assertEqual([name for name in IDS if f"of kind {name}" not in said], [])

    def test_no_journal(self):
        done = subprocess.run([CLIENT, "log", "-D", "/nonexistent"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("cannot read the journal", done.stderr)


def main():
    if os.environ.get(INSIDE):
        unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
    root = os.geteuid() == 0
    unshare = ["unshare", "--mount"] if root else ["unshare", "--mount", "--map-root-user"]
    if not os.path.exists(JOURNALD) or subprocess.run([*unshare, "true"]).returncode != 0:
        print("skipped: needs systemd-journald and a mount namespace")
        sys.exit(77)
    mounts = "mount -t tmpfs none /run && mount -t tmpfs none /var/log && mkdir -p /var/log/journal && exec \"$@\""
    os.execvpe("unshare", [*unshare, "sh", "-ec", mounts, "sh", sys.executable, *sys.argv],
               dict(os.environ, **{INSIDE: "root" if root else "user"}))


main()
