#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gpuswitchctl inhibit, against the fake service on a private bus.

usage: client-inhibit-test.py GPUSWITCHCTL FAKE-DAEMON [unittest arguments]
"""

import json
import signal
import subprocess
import sys
import unittest

from client_bus import CLIENT, DEADLINE, BusTest


class Inhibit(BusTest):
    def inhibit(self, *arguments, exits):
        done = self.run_client("inhibit", *arguments, exits=exits)
        self.expect(self.fake, "Released")
        return done

    def start(self, script):
        """A client whose command has begun: the script says so by "up"."""
        client = self.spawn([CLIENT, "inhibit", "--", "sh", "-c", script])
        self.expect(self.fake, "Inhibit '' 'sh' 'a command runs' block")
        self.expect(client, "up")
        return client

    def setUp(self):
        super().setUp()
        self.fake = self.start_fake()

    def test_ends_as_its_command(self):
        self.assertEqual(self.inhibit("--", "sh", "-c", "echo out; echo err >&2; exit 7", exits=7).stdout, "out\n")
        self.inhibit("true", exits=0)
        self.inhibit("--", "sh", "-c", "kill -TERM $$", exits=128 + signal.SIGTERM)
        done = self.inhibit("--", "/no/such/command", exits=127)
        self.assertEqual(done.stderr, "cannot run /no/such/command: No such file or directory\n")
        done = self.inhibit("--", "/etc/passwd", exits=126)
        self.assertIn("cannot run /etc/passwd", done.stderr)

    def test_arguments_reach_the_daemon(self):
        self.run_client("inhibit", "--gpu", "big", "--mode=delay", "--who", "render farm", "--why=a film", "--",
                        "echo", "--gpu=x")
        self.expect(self.fake, "Inhibit '0000:02:00.0' 'render farm' 'a film' delay")

    def test_command_has_no_part_in_it(self):
        """What the command leaves running behind it would else hold switches back for ever."""
        done = self.inhibit("--", "sh", "-c", "ls /proc/self/fd", exits=0)
        self.assertEqual(done.stdout.split(), ["0", "1", "2", "3"])  # 3 is the folder itself

    def test_unknown_gpu(self):
        done = self.run_client("inhibit", "--gpu=none-such", "--", "echo", "not run", exits=1)
        self.assertIn("none-such", self.first_line(done))
        self.assertEqual(done.stdout, "")

    def test_over_the_limit(self):
        done = self.run_client("inhibit", "--why=too much", "--", "echo", "not run", exits=1)
        self.assertEqual(done.stderr, "too much at once: this user has 16 inhibitors\n")
        self.assertEqual(done.stdout, "")

    def test_signals_are_for_the_command(self):
        client = self.start("trap 'echo got it; exit 9' TERM; echo up; read line")
        client.send_signal(signal.SIGINT)  # ignored here, a terminal sends it to the command as well
        client.send_signal(signal.SIGTERM)
        self.expect(client, "got it")
        self.assertEqual(client.wait(DEADLINE), 9)
        self.expect(self.fake, "Released")

    def test_daemon_goes(self):
        client = self.start("echo up; read line; exit 5")
        self.stop_fake(self.fake)
        warning = client.stderr.readline().decode()
        self.assertEqual(warning, "gpuswitchd has ended: nothing is held back any more, the command goes on\n")
        client.stdin.write(b"go\n")
        client.stdin.flush()
        self.assertEqual(client.wait(DEADLINE), 5)

    def test_list(self):
        lines = self.run_client("inhibit", "--list").stdout.split("\n")
        self.assertRegex(lines[0], r"^GPU +MODE +WHO +WHY +USER +PID")
        self.assertRegex(lines[1], r"^0000:02:00.0 +block +render farm +a film +root +812")
        self.assertRegex(lines[2], r"^all +delay +shell +lets the ä screen go +4294967294 +-")
        got = json.loads(self.run_client("--json", "inhibit", "--list").stdout)
        self.assertEqual(got, {"inhibitors": [
            {"gpu": "0000:02:00.0", "mode": "block", "who": "render farm", "why": "a film", "uid": 0, "pid": 812},
            {"gpu": None, "mode": "delay", "who": "shell", "why": "lets the ä screen go", "uid": 4294967294,
             "pid": None}]})


class Nobody(BusTest):
    def test_list(self):
        self.start_fake("--empty")
        done = self.run_client("inhibit", "--list")
        self.assertEqual((done.stdout, done.stderr), ("", "Nobody holds a switch back.\n"))
        self.assertEqual(json.loads(self.run_client("inhibit", "--list", "--json").stdout), {"inhibitors": []})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
