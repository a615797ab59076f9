#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every verb and exit status of gpuswitchctl, against the fake service on a private bus.

usage: client-bus-test.py GPUSWITCHCTL FAKE-DAEMON [unittest arguments]
Needs python3's standard library and dbus-daemon.
"""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import unittest

from client_bus import CLIENT, DEADLINE, FAKE, UUID, BusTest


def domain_xml(name="vm", devices="", uuid=UUID):
    return f"<domain type='kvm'><name>{name}</name><uuid>{uuid}</uuid><devices>{devices}</devices></domain>"


def hostdev(bus):
    return ("<hostdev mode='subsystem' type='pci' managed='yes'><source>"
            f"<address domain='0x0000' bus='{bus}' slot='0x00' function='0x0'/></source></hostdev>")


class Usage(BusTest):
    def test_wrong_usage_is_2_and_silent_on_stdout(self):
        for arguments in ([], ["fly"], ["list", "x"], ["to-guest"], ["to-guest", "a", "b"], ["plan", "01:00.0"],
                          ["plan", "01:00.0", "sideways"], ["--no-such", "list"], ["list", "-f"],
                          ["status", "--lines=3"], ["log", "-n", "many"], ["-H"], ["list", "-H", "a", "-M", "b"],
                          ["-M", "x", "log"], ["explain", "a", "b"], ["recover"], ["to-host", "--suspend", "01:00.0"], ["libvirt-hook"],
                          ["quirks"], ["quirks", "fly"], ["quirks", "report", "x"],
                          ["inhibit"], ["inhibit", "--list", "x"], ["inhibit", "--mode=stop", "--", "true"],
                          ["-H", "a", "inhibit", "--", "true"], ["-M", "a", "inhibit", "--", "true"],
                          ["list", "--mode=block"], ["status", "--gpu=big"], ["inhibit", "-n", "3", "--", "true"],
                          ["libvirt-hook", "vm", "prepare", "begin"]):
            with self.subTest(arguments=arguments):
                done = self.run_client(*arguments, exits=2)
                self.assertEqual(done.stdout, "")
                self.assertTrue(done.stderr)

    def test_help_names_every_verb(self):
        done = self.run_client("--help")
        for verb in ("list", "status", "to-guest", "to-host", "plan", "explain", "recover", "monitor", "log", "inhibit", "quirks",
                     "libvirt-hook"):
            self.assertIn(f"\n  {verb} ", done.stdout)
        self.assertRegex(self.run_client("--version").stdout, r"^gpuswitchctl \d")

    def test_completion_knows_every_word_of_the_help(self):
        """bash itself completes; the three functions of bash-completion that are used are made up."""
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../client/completion/gpuswitchctl.bash")
        script = f"""_get_comp_words_by_ref() {{ cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
                     words=("${{COMP_WORDS[@]}}") cword=$COMP_CWORD; }}
                     __ltrim_colon_completions() {{ :; }}
                     source {source}
                     COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _gpuswitchctl; printf '%s\n' "${{COMPREPLY[@]}}" """

        def complete(*words):
            return subprocess.run(["bash", "-c", script, "bash", "gpuswitchctl", *words], capture_output=True,
                                  text=True, check=True).stdout.split()
        text = self.run_client("--help").stdout
        verbs, options = text.split("Options:", 1)
        verbs = set(re.findall(r"^  ([a-z-]+) ", verbs, re.MULTILINE)) - {"libvirt-hook"}
        self.assertEqual(set(complete("")), verbs)
        self.assertEqual(set(complete("log", "--")) | set(complete("inhibit", "--")) | set(complete("recover", "--")) |
                         set(complete("quirks", "--")),
                         set(re.findall(r"--[a-z]+", options)))
        self.assertEqual(set(complete("log", "--")) - set(complete("list", "--")),
                         {"--lines", "--follow", "--boot", "--directory"})
        self.assertEqual(set(complete("inhibit", "--")) - set(complete("list", "--")),
                         {"--gpu", "--mode", "--who", "--why", "--list"})
        self.assertEqual(complete("inhibit", "--mode", ""), ["block", "delay"])
        self.assertEqual(sorted(complete("quirks", "")), ["check", "list", "match", "report"])
        self.assertEqual(complete("to-"), ["to-guest", "to-host"])
        self.assertEqual(complete("--json", "plan", "01:00.0", ""), ["guest", "host"])
        self.assertEqual(complete("-H", "there", "pl"), ["plan"])

    def test_full_output_is_a_failure(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([CLIENT, "--help"], stdout=full, stderr=subprocess.PIPE, env=self.environment)
        self.assertEqual(done.returncode, 1)


class Unreachable(BusTest):
    VERBS = (["list"], ["status"], ["list", "--json"], ["to-guest", "01:00.0"], ["to-host", "01:00.0"],
             ["plan", "01:00.0", "guest"], ["explain"], ["monitor"], ["log", "a name"], ["quirks", "report"],
             ["inhibit", "--list"], ["inhibit", "--", "touch", "/never/made"])

    def check_all(self):
        for arguments in Unreachable.VERBS:
            with self.subTest(arguments=arguments):
                done = self.run_client(*arguments, exits=3)
                self.assertEqual(done.stdout, "")
                self.assertIn("gpuswitchd cannot be reached", self.first_line(done))

    def test_no_service(self):
        self.check_all()

    def test_no_bus(self):
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={self.folder}/none"
        self.check_all()

    def test_daemon_dies_during_the_call(self):
        self.start_fake()
        done = self.run_client("to-host", "10000:04:00.0", exits=3)
        self.assertIn("gpuswitchd cannot be reached", done.stderr)

    def test_other_machine_and_host(self):
        self.run_client("-M", "no-such-machine", "list", exits=3)
        with open(f"{self.folder}/ssh", "w") as f:
            f.write("#!/bin/sh\nexit 255\n")
        os.chmod(f"{self.folder}/ssh", 0o755)
        self.environment["PATH"] = f"{self.folder}:{self.environment['PATH']}"
        self.run_client("-H", "no-such-host", "list", exits=3)

    @unittest.skipUnless(shutil.which("systemd-stdio-bridge"), "the other end of the connection is systemd's")
    def test_host_over_ssh(self):
        self.start_fake()
        with open(f"{self.folder}/ssh", "w") as f:
            f.write(f"#!/bin/sh\necho \"$@\" >{self.folder}/ssh-arguments\n"
                    f"exec systemd-stdio-bridge -p unix:path={self.folder}/bus\n")
        os.chmod(f"{self.folder}/ssh", 0o755)
        self.environment["PATH"] = f"{self.folder}:{self.environment['PATH']}"
        self.environment["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={self.folder}/none"
        self.assertIn("0000:01:00.0", self.run_client("-H", "me@there", "list").stdout)
        with open(f"{self.folder}/ssh-arguments") as f:
            self.assertIn("there", f.read())


class ActivationFails(BusTest):
    activates = "/bin/false"

    def test_every_verb(self):
        Unreachable.check_all(self)


class Activation(BusTest):
    activates = f"{FAKE} --activated"

    def test_daemon_is_started(self):
        self.assertIn("0000:01:00.0", self.run_client("list").stdout)


class Reading(BusTest):
    def test_list(self):
        self.start_fake()
        rows = self.run_client("list").stdout.splitlines()
        self.assertEqual([row.split()[0] for row in rows],
                         ["GPU", "0000:01:00.0", "0000:02:00.0", "10000:03:00.0", "10000:04:00.0"])
        self.assertEqual(len({row.index(word) for row, word in zip(rows, ("OWNER", "host", "guest", "none"))}), 1)
        self.assertIn("touched, stuck", rows[3])
        self.assertIn("win?[31m11", rows[2])
        self.assertNotIn("\033", "".join(rows))

    def test_no_gpu(self):
        self.start_fake("--empty")
        self.assertEqual(self.run_client("list").stdout, "")
        self.assertEqual(json.loads(self.run_client("--json", "status").stdout), {"gpus": []})
        self.assertIn("no GPU", self.run_client("to-guest", "01:00.0", exits=1).stderr)

    def test_problems_of_configuration_are_said(self):
        self.start_fake("--problem=/etc/gpuswitch/policy.d/x.json:3: unknown key")
        for verb in ("list", "status"):
            done = self.run_client(verb)
            self.assertEqual(self.first_line(done), "warning: /etc/gpuswitch/policy.d/x.json:3: unknown key")

    def test_status_text(self):
        self.start_fake()
        text = self.run_client("status").stdout
        for part in ("amdgpu has taken it a second time", "stub-companion",
                     "Stuck: unbind 10000:03:00.0 from amdgpu: has not come back\n",
                     "What hangs: write 10000:03:00.0 to /sys/bus/pci/drivers/amdgpu/unbind\n",
                     "In kernel: drm_dev_unplug < amdgpu_pci_remove (helper pid 637)\n",
                     "Held by: mpv (pid 812) has /dev/dri/card1 open\n                and another\n",
                     "What helps: End what uses?[31m it.\n                and another\n",
                     f"({UUID})", "IOMMU group: 14", "IOMMU group: none", "0000:01:00.1  audio   snd_hda_intel",
                     "no driver", "by hand", "by policy"):
            self.assertIn(part, text)
        self.assertRegex(text, r" Since: 1970-01-01 01:01:01 \(\d+ d \d+ h ago\)\n")
        self.assertEqual(text.count("Since:"), 1)
        one = self.run_client("status", "big").stdout
        self.assertTrue(one.startswith("0000:02:00.0  big\n"))
        self.assertNotIn("0000:01:00.0", one)

    def test_status_json(self):
        self.start_fake()
        gpus = json.loads(self.run_client("status", "--json").stdout)["gpus"]
        self.assertEqual(list(gpus[0])[:13], ["address", "name", "vendor_id", "device_id", "reset_state", "owner",
                                              "stuck", "family", "iommu_group", "domain", "operation", "guard",
                                              "functions"])
        self.assertEqual(gpus[0]["functions"], [
            {"address": "0000:01:00.0", "role": "display", "driver": "amdgpu"},
            {"address": "0000:01:00.1", "role": "audio", "driver": "snd_hda_intel"}])
        self.assertEqual((gpus[0]["vendor_id"], gpus[0]["domain"], gpus[0]["operation"], gpus[0]["iommu_group"]),
                         ("1002", None, None, 14))
        self.assertEqual(gpus[1]["domain"]["uuid"], UUID)
        self.assertEqual(gpus[1]["iommu_group"], 0)
        self.assertEqual((gpus[2]["stuck"], gpus[2]["iommu_group"], gpus[2]["functions"][0]["driver"]),
                         (True, None, None))
        self.assertEqual((gpus[2]["stuck_detail"]["since_usec"], gpus[2]["stuck_detail"]["help"][1]),
                         (3661000000, "and another"))
        self.assertIsNone(gpus[0]["stuck_detail"])
        one = json.loads(self.run_client("--json", "status", "10000:03:00.0").stdout)["gpus"]
        self.assertEqual([gpu["address"] for gpu in one], ["10000:03:00.0"])

    def test_time_line(self):
        """Only of a card that is named: it is long."""
        self.start_fake()
        self.assertIn("""
     Time line: 1970-01-01 01:01:01  fresh               its kernel log
                -- this boot --
                1970-01-01 02:00:00  fresh               boot
                1970-01-01 02:00:01  fresh -> touched    driver amdgpu -> none?[31m
                1970-01-01 02:00:02  failed              it does not answer
""", self.run_client("status", "big").stdout)
        self.assertNotIn("Time line", self.run_client("status").stdout)
        self.assertNotIn("Time line", self.run_client("status", "01:00.0").stdout)

        gpus = json.loads(self.run_client("status", "--json").stdout)["gpus"]
        self.assertEqual(gpus[0]["evidence"], [])
        first, _, third, _ = gpus[1]["evidence"]
        self.assertEqual(first, {"time": "1970-01-01T01:01:01.000000Z", "time_usec": 3661000000, "event": "first-sight",
                                 "old_state": None, "new_state": "fresh", "reason": "its kernel log", "this_boot": False})
        self.assertEqual((third["time"], third["event"], third["old_state"], third["new_state"], third["this_boot"]),
                         ("1970-01-01T02:00:01.500000Z", "host-unbind", "fresh", "touched", True))

    def test_quirks_report(self):
        """JSON in any case, and nothing in it that was not meant to leave the machine."""
        self.start_fake()
        version = self.run_client("--version").stdout.split()[1]
        for arguments in (["quirks", "report"], ["--json", "quirks", "report"]):
            done = self.run_client(*arguments)
            self.assertEqual(json.loads(done.stdout), {"gpuswitch": version, "outcomes": [{
                "vendor_id": "1002", "device_id": "67df", "subsystem_vendor_id": "1da2", "subsystem_device_id": "e353",
                "family": "polaris", "kernel": "6.12.48", "method": "pci-config", "tries": 5, "successes": 3, "failures": 1}]})
            self.assertEqual(done.stderr, "")

    def test_quirks_report_of_nothing(self):
        self.start_fake("--empty")
        self.assertEqual(json.loads(self.run_client("quirks", "report").stdout)["outcomes"], [])

    def test_unknown_gpu(self):
        self.start_fake()
        done = self.run_client("status", "05:00.0", exits=1)
        self.assertTrue(done.stderr.startswith("no GPU 0000:05:00.0\nThere are: 0000:01:00.0 (Radeon RX 570),"))
        self.assertIn("more than one GPU", self.first_line(self.run_client("status", "Twin", exits=1)))
        self.assertIn("in this slot is 0000:01:00.0", self.run_client("to-guest", "01:00.1", exits=1).stderr)

    def test_plan(self):
        self.start_fake()
        folder = "/sys/bus/pci/devices/0000:01:00.0"
        self.assertEqual(self.run_client("plan", "01:00.0", "guest").stdout.splitlines(), [
            "1. check that nobody plays sound  (only reads)",
            f"2. echo vfio-pci > {folder}/driver_override  # only vfio-pci",
            f"3. echo > {folder}/driver_override  # any driver",
            f"4. write 0x39d5e86b at 0x7c > {folder}/config  # reset",
            "5. wait 500 ms",
            f"6. put back 0x0010/4 0x0004/2 > {folder}/config  # BARs"])
        self.assertIn("Nothing to do", self.run_client("plan", "01:00.0", "host").stdout)
        done = self.run_client("plan", "big", "host", exits=1)
        self.assertEqual(done.stderr, "no plan\nTry later.\n")
        plan = json.loads(self.run_client("--json", "plan", "01:00.0", "guest").stdout)
        self.assertEqual((plan["address"], plan["direction"], len(plan["steps"])), ("0000:01:00.0", "guest", 6))
        self.assertEqual((plan["steps"][3]["offset"], plan["steps"][5]["registers"]),
                         (0x7c, ["0x0010/4", "0x0004/2"]))


class Switching(BusTest):
    STEPS = ["[1/3] to guest: check 1", "[2/3] to guest: unbind 0000:01:00.0 from amdgpu",
             "[3/3] to guest: bind it to vfio-pci"]

    def test_to_guest_and_back(self):
        fake = self.start_fake()
        done = self.run_client("to-guest", "Radeon RX 570")
        self.assertEqual(done.stderr.splitlines(), self.STEPS)
        self.assertEqual(done.stdout, "0000:01:00.0 is with the guest side: owner guest, driver vfio-pci, "
                                      "reset state fresh.\n")
        self.expect(fake, "ToGuest 0000:01:00.0")
        done = self.run_client("to-host", "01:00.0")
        self.assertEqual(done.stdout, "0000:01:00.0 is home: owner host, driver amdgpu, reset state fresh.\n")

    def test_bus_breaks_during_the_call(self):
        fake = self.start_fake()
        client = self.spawn([CLIENT, "to-host", "10000:03:00.0"])
        self.expect(fake, "ToHost 10000:03:00.0")
        self.bus.kill()
        self.assertEqual(client.wait(DEADLINE), 3)
        self.assertIn(b"gpuswitchd cannot be reached", client.stderr.read())

    def test_json(self):
        self.start_fake()
        done = json.loads(self.run_client("--json", "to-guest", "01:00.0").stdout)
        self.assertEqual((done["result"], done["gpu"]["owner"]), ("done", "guest"))
        refused = self.run_client("--json", "to-guest", "02:00.0", exits=1)
        self.assertEqual(json.loads(refused.stdout), {
            "result": "refused", "address": "0000:02:00.0", "error": "org.gpuswitch1.Error.Busy",
            "message": "VM 'win11' is starting with it"})

    def test_refusals(self):
        self.start_fake()
        self.assertEqual(self.run_client("to-guest", "big", exits=1).stderr, "VM 'win11' is starting with it\n")
        self.assertEqual(self.run_client("to-guest", "10000:03:00.0", exits=1).stderr,
                         "it is stuck\nReboot this machine.\n")
        self.assertEqual(self.run_client("to-guest", "10000:04:00.0", exits=1).stderr, "not allowed: ask polkit\n")
        self.assertEqual(self.run_client("to-host", "big", exits=1).stderr, "VM 'win11' has it\n")

    def test_interrupted_says_that_it_goes_on(self):
        fake = self.start_fake()
        client = self.spawn([CLIENT, "to-host", "10000:03:00.0"])
        self.expect(fake, "ToHost 10000:03:00.0")
        client.send_signal(signal.SIGINT)
        self.assertEqual(client.wait(DEADLINE), -signal.SIGINT)
        self.assertIn(b"goes on without this command", client.stderr.read())

    def on_terminal(self, *arguments, **environment):
        """Both streams on one terminal. Returns what it got."""
        master, slave = pty.openpty()
        client = subprocess.Popen([CLIENT, *arguments], env=dict(self.environment, **environment), stdin=slave,
                                  stdout=slave, stderr=slave)
        os.close(slave)
        got = b""
        try:
            while chunk := os.read(master, 4096):
                got += chunk
        except OSError:  # EIO: the other end is closed
            pass
        os.close(master)
        self.assertEqual(client.wait(DEADLINE), 0)
        return got.decode()

    def test_terminal(self):
        self.start_fake()
        for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\033", self.on_terminal("list", **variables))
        self.assertIn("\033[32mfresh\033[0m", self.on_terminal("list"))
        progress = self.on_terminal("to-guest", "01:00.0")
        for step in self.STEPS:
            self.assertIn(f"\r\033[K{step}", progress)
        self.assertNotIn(f"{self.STEPS[0]}\r\n", progress)
        self.assertIn("\r\033[K0000:01:00.0 is with", progress)


class Monitoring(BusTest):
    def start_monitor(self, fake, *arguments):
        monitor = self.spawn([CLIENT, "monitor", *arguments])
        self.expect(fake, "fetched")  # its subscriptions came before
        return monitor

    def test_text(self):
        fake = self.start_fake()
        monitor = self.start_monitor(fake)
        self.tell(fake, "set 0000:01:00.0 owner switching")
        self.assertRegex(self.line(monitor), r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d 0000:01:00.0 owner host -> switching$")
        self.tell(fake, "set 0000:01:00.0 driver vfio-pci")
        self.assertRegex(self.line(monitor), r" 0000:01:00.0 driver amdgpu -> vfio-pci$")
        self.tell(fake, "remove 0000:02:00.0")
        self.assertRegex(self.line(monitor), r" 0000:02:00.0 removed$")
        self.tell(fake, "add 0000:02:00.0")
        self.assertRegex(self.line(monitor), r" 0000:02:00.0 added$")
        self.run_client("to-guest", "01:00.0")
        self.assertRegex(self.line(monitor), r" 0000:01:00.0 operation \[1/3\] to guest: check 1$")
        monitor.send_signal(signal.SIGTERM)
        self.assertEqual(monitor.wait(DEADLINE), -signal.SIGTERM)

    def test_survives_a_restart(self):
        fake = self.start_fake()
        monitor = self.start_monitor(fake, "--json")
        self.tell(fake, "set 0000:01:00.0 owner guest")
        event = json.loads(self.line(monitor))
        self.assertEqual((event["event"], event["gpu"], event["property"], event["old"], event["new"]),
                         ("changed", "0000:01:00.0", "owner", "host", "guest"))
        self.stop_fake(fake)
        self.assertEqual(json.loads(self.line(monitor))["event"], "daemon-gone")
        fake = self.start_fake()
        self.assertEqual(json.loads(self.line(monitor))["event"], "daemon-back")
        event = json.loads(self.line(monitor))  # what changed while it was away
        self.assertEqual((event["property"], event["old"], event["new"]), ("owner", "guest", "host"))
        self.tell(fake, "set 0000:01:00.0 owner none")
        self.assertEqual(json.loads(self.line(monitor))["new"], "none")

    def test_bus_goes_away(self):
        fake = self.start_fake()
        monitor = self.start_monitor(fake)
        self.bus.terminate()
        self.assertEqual(monitor.wait(DEADLINE), 3)


@unittest.skipUnless(os.geteuid() == 0, "the hook only calls the daemon as root")
class Hook(BusTest):
    def hook(self, *arguments, stdin="", exits=0):
        done = self.run_client("libvirt-hook", *arguments, stdin=stdin, exits=exits)
        self.assertEqual(done.stdout, "")
        return done

    def test_prepare(self):
        fake = self.start_fake()
        self.hook("vm", "prepare", "begin", "-", stdin=domain_xml("my vm", hostdev("0x01") + hostdev("2")))
        self.assertEqual(self.line(fake), f"PrepareDomain {UUID} my vm 0000:01:00.0 0000:02:00.0")
        done = self.hook("refused", "prepare", "begin", "-", stdin=domain_xml("refused", hostdev("1")), exits=1)
        self.assertEqual(done.stderr, "gpuswitch: VM 'refused' is not started: 0000:01:00.0 has failed\nPower off.\n")

    def check_no_verdict(self, name):
        # Nothing in any machine is at this address: that is left to libvirt.
        address = "<address domain='0xfffffff0' bus='0xff' slot='0x1f' function='0x7'/>"
        device = f"<hostdev mode='subsystem' type='pci'><source>{address}</source></hostdev>"
        fake = self.start_fake()
        self.hook(name, "prepare", "begin", "-", stdin=domain_xml(name, device))
        self.assertEqual(self.line(fake), f"PrepareDomain {UUID} {name} fffffff0:ff:1f.7")

    def test_odd_error_is_no_verdict(self):
        self.check_no_verdict("odd")

    def test_crash_is_no_verdict(self):
        self.check_no_verdict("crash")

    def test_no_call_without_pci_devices(self):
        fake = self.start_fake()
        usb = "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>"
        for operation in ("prepare begin -", "release end shutdown"):
            self.hook("vm", *operation.split(), stdin=domain_xml("vm", usb))
        self.stop_fake(fake)
        self.assertEqual(fake.stdout.read(), b"")

    def test_release(self):
        fake = self.start_fake()
        self.hook("vm", "release", "end", "from snapshot", stdin=domain_xml("vm", hostdev("1")))
        self.assertEqual(self.line(fake), f"ReleaseDomain {UUID} from snapshot")
        self.hook("vm", "release", "end", "crashed", stdin=f"<domain><uuid>{UUID}</uuid> broken")
        self.assertEqual(self.line(fake), f"ReleaseDomain {UUID} crashed")
        self.stop_fake(fake)
        self.assertIn("could not be told",
                      self.hook("vm", "release", "end", "crashed", stdin=domain_xml("vm", hostdev("1"))).stderr)

    def test_other_operations_and_reconnect(self):
        self.start_fake()
        for operation in ("start", "started", "stopped", "migrate", "restore", "something-new"):
            self.assertEqual(self.hook("vm", operation, "begin", "-", stdin="no XML").stderr, "")
        self.hook("vm", "reconnect", "begin", "-", stdin="no XML")
        self.hook("vm", "reconnect")

    def test_malformed_xml(self):
        self.start_fake()
        done = self.hook("vm", "prepare", "begin", "-", stdin="<domain>\n<devices>\n</domain>", exits=1)
        self.assertRegex(done.stderr, r"^gpuswitch: VM 'vm' is not started: its XML cannot be read: .*line 3")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
