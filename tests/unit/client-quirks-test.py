#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gpuswitchctl quirks list, match and check: on the shipped files and on files of its own, without daemon or root.

usage: client-quirks-test.py GPUSWITCHCTL SOURCE-DIR [unittest arguments]
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

CLIENT, SOURCE = (os.path.abspath(path) for path in sys.argv[1:3])
VENDOR, ADMIN, POLICY = "usr/lib/gpuswitch/quirks.d", "etc/gpuswitch/quirks.d", "etc/gpuswitch/policy.d"

FAULTS = """{
  "version": 1,
  "families": [
    {
      "family": "mine",
      "match": [{ "id": "1002:67df" }],
      "bus_reset": { "value": "forbidden", "source": "a test" },
      "reset": { "source": "a test", "steps": [
        { "do": "save-config" },
        { "do": "check-register", "bar": "5", "register": "0x5430", "equals": "0x0" },
        { "do": "write-config", "offset": "0x7c", "value": "0x39d5e86c" },
        { "do": "restore-config" },
        { "do": "verify" }
      ] }
    },
    {
      "family": "other",
      "match": [{ "id": "1002:67df" }],
      "bus_reset": { "value": "wanted", "source": "a test" }
    }
  ]
}
"""

FORMS = """{
  "version": 1,
  "families": [ {
      "family": "mine", "match": [{ "id": "1002:67df" }],
      "bus_reset": { "value": "forbidden" },
      "reset": { "source": "a test", "steps": [
        { "do": "explode" },
        { "do": "check-register", "bar": "6", "register": "0x5428", "equals": "0x0" },
        { "do": "poll-register", "bar": "5", "register": "0x5428", "differs": "0x0" },
        { "do": "function-reset", "method": "bus" }
      ] }
  } ]
}
"""


# What is meant for one id of each family: resets in order of preference ("?": experimental, "-": by hand alone), who can guard it, and how the
# sentences begin that tell what is not done to it.
KERNEL, STUB, MODULE = "kernel-flag", "stub-companion", "guard-module"
BUS, FOREIGN, OTHER, NONE = "no reset of its bus", "no register of another chip", "no write to its registers", "no reset by gpuswitch"
ALWAYS = ("no D3cold while", "no unbinding while it has virtual functions", "no unbinding while a process has it open", "no function beside it but audio")
FAMILIES = (
    ("polaris10", "1002:67df", "vendor-reset vi-config", (KERNEL, STUB, MODULE), (BUS, FOREIGN)),
    ("polaris11", "1002:67ef", "vendor-reset vi-config", (KERNEL, STUB, MODULE), (BUS, FOREIGN)),
    ("polaris12", "1002:699f", "vendor-reset vi-config", (KERNEL, STUB, MODULE), (BUS, FOREIGN)),
    ("vega-m", "1002:694c", "vi-config?", (STUB, MODULE), (BUS, FOREIGN)),
    ("tonga", "1002:6929", "vi-config?", (STUB, MODULE), (BUS, FOREIGN)),
    ("firepro-w7100", "1002:692b", "vi-config?", (STUB, MODULE), (BUS, FOREIGN)),
    ("tonga-vf", "1002:692f", "flr-", (STUB, MODULE), (BUS, OTHER)),
    ("fiji", "1002:7300", "vi-config?", (STUB, MODULE), (BUS, FOREIGN)),
    ("topaz", "1002:6900", "vi-config?", (STUB, MODULE), (BUS, FOREIGN)),
    ("bonaire", "1002:6658", "ci-config-", (STUB, MODULE), (BUS, FOREIGN)),
    ("bonaire-other", "1002:665f", "ci-config", (STUB, MODULE), (BUS, FOREIGN)),
    ("bonaire-mobile", "1002:6640", "ci-config?", (STUB, MODULE), (BUS, FOREIGN)),
    ("hawaii", "1002:67b0", "ci-config-", (STUB, MODULE), (BUS, FOREIGN)),
    ("vega10", "1002:687f", "vendor-reset", (KERNEL, STUB, MODULE), (BUS, OTHER)),
    ("vega12", "1002:69af", "", (STUB, MODULE), (BUS, OTHER, NONE)),
    ("vega20", "1002:66af", "vendor-reset", (KERNEL, STUB, MODULE), (BUS, OTHER)),
    ("arcturus", "1002:738c", "vendor-reset", (KERNEL, STUB, MODULE), (BUS, OTHER)),
    ("navi10", "1002:731f", "vendor-reset", (KERNEL, STUB, MODULE), (BUS, OTHER)),
    ("navi12", "1002:7360", "vendor-reset", (KERNEL, STUB, MODULE), (BUS, OTHER)),
    ("navi14", "1002:7340", "vendor-reset", (KERNEL, STUB, MODULE), (BUS, OTHER)),
    ("navi21", "1002:73bf", "", (), (OTHER, NONE)),
    ("navi21-vf", "1002:73ae", "flr-", (STUB, MODULE), (BUS, OTHER)),
    ("navi22", "1002:73df", "", (), (OTHER, NONE)),
    ("navi22-vf", "1002:73ce", "flr-", (STUB, MODULE), (BUS, OTHER)),
    ("navi23", "1002:73ff", "", (), (OTHER, NONE)),
    ("navi24", "1002:743f", "", (), (OTHER, NONE)),
    ("navi31", "1002:744c", "", (), (OTHER, NONE)),
    ("navi32", "1002:747e", "vendor-reset?", (KERNEL, STUB, MODULE), (BUS, OTHER)),
    ("navi33", "1002:7480", "", (), (OTHER, NONE)),
    ("navi44", "1002:7590", "", (STUB, MODULE), (BUS, OTHER, NONE)),
    ("navi48", "1002:7550", "", (STUB, MODULE), (BUS, OTHER, NONE)),
    ("amd-apu", "1002:15bf", "", (STUB, MODULE), (BUS, OTHER, NONE)),
    ("nvidia-datacenter", "10de:2342", "flr-", (KERNEL,), (BUS, OTHER)),
    ("nvidia", "10de:2484", "", (), (OTHER, NONE)),
    ("intel", "8086:56a0", "flr-", (), (OTHER,)),
    ("generic", "1002:9999", "", (), (OTHER, NONE)),
)
OWN, NO_RESET = "no reset but the one that the kernel has for this very device", "no reset at all"
DEVICES = (
    ("samsung-nvme", "144d:a804", "kernel", None, (OWN, NONE)), ("samsung-nvme", "144d:a802", "kernel", None, (OWN, NONE)),
    ("intel-nvme", "8086:0953", "kernel", None, (OWN, NONE)), ("intel-nvme", "8086:0a54", "kernel", None, (OWN, NONE)),
    ("solidigm-nvme", "025e:f1ac", "kernel", None, (OWN, NONE)), ("atheros-wireless", "168c:0030", "none", "forbidden", (NO_RESET, BUS, NONE)),
    ("cavium-thunderx", "177d:a100", "none", "forbidden", (NO_RESET, BUS, NONE)), ("ti-keystone", "104c:b005", "none", "forbidden", (NO_RESET, BUS, NONE)),
)


def family(name, match, bus_reset="forbidden", more=""):
    return ('{ "version": 1, "families": [\n{ "family": "%s", "match": [%s],\n"bus_reset": { "value": "%s", "source": "s" }%s } ] }'
            % (name, match, bus_reset, more))


class QuirksTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        for path in (VENDOR, ADMIN, POLICY):
            os.makedirs(f"{self.root}/{path}")

    def ship(self):
        os.rmdir(f"{self.root}/{VENDOR}")
        os.symlink(f"{SOURCE}/policy/quirks", f"{self.root}/{VENDOR}")

    def write(self, path, text):
        with open(f"{self.root}/{path}", "w") as f:
            f.write(text)
        return f"{self.root}/{path}"

    def device(self, address, ids, class_="0x030000"):
        folder = f"{self.root}/sys/bus/pci/devices/{address}"
        os.makedirs(folder)
        for name, value in zip(("vendor", "device", "subsystem_vendor", "subsystem_device"), ids.split(":")):
            with open(f"{folder}/{name}", "w") as f:
                f.write(f"0x{value}\n")
        with open(f"{folder}/class", "w") as f:
            f.write(class_ + "\n")

    def run_client(self, *arguments, exits=0):
        done = subprocess.run([CLIENT, "--root", self.root, "quirks", *arguments], capture_output=True, text=True, timeout=60,
                              env=dict(os.environ, LC_ALL="C.UTF-8", DBUS_SYSTEM_BUS_ADDRESS="unix:path=/does/not/exist"))
        self.assertEqual(done.returncode, exits, f"{arguments}: {done.stdout}\n{done.stderr}")
        return done

    def match(self, card):
        return json.loads(self.run_client("match", card, "--json").stdout)

    def values(self, card):
        return {value["key"]: value for value in self.match(card)["values"]}

    # --- list ---

    def test_list(self):
        self.ship()
        lines = self.run_client("list").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["FAMILY", "IDS", "BUS", "RESET", "RESETS", "CONFIDENCE", "FILE"])
        polaris, = (line for line in lines if line.startswith("polaris10 "))
        self.assertRegex(polaris, r"^polaris10 +1002:67c0 and 14 more +forbidden +vendor-reset, vi-config +high +/.*-polaris.json:\d+$")
        self.assertIn("(experimental)", next(line for line in lines if line.startswith("fiji ")))

        answer = json.loads(self.run_client("list", "--json").stdout)
        self.assertEqual(answer["problems"], [])
        self.assertEqual(len(answer["families"]), len(lines) - 1)
        by_name = {entry["family"]: entry for entry in answer["families"]}
        self.assertEqual(by_name["hawaii"]["ids"][0], "1002:67a0")
        self.assertEqual(len(by_name["nvidia-datacenter"]["ids"]), 64)
        self.assertEqual(by_name["fiji"]["resets"], [{"name": "vi-config", "experimental": True}])
        self.assertEqual(by_name["polaris10"]["confidence"], "high")

    def test_line_of_a_family_is_its_own(self):
        self.ship()
        for entry in json.loads(self.run_client("list", "--json").stdout)["families"]:
            with open(entry["file"]) as f:
                lines = f.read().splitlines()
            self.assertIn(f'"family": "{entry["family"]}"', "".join(lines[entry["line"] - 1:entry["line"] + 1]))

    def test_list_with_a_broken_file(self):
        self.write(f"{ADMIN}/10.json", family("mine", '{ "id": "1002:67df" }'))
        bad = self.write(f"{ADMIN}/20.json", "{\n,")
        done = self.run_client("list", exits=1)
        self.assertIn("mine", done.stdout)
        self.assertTrue(done.stderr.startswith(f"{bad}: line 2: "), done.stderr)
        problem, = json.loads(self.run_client("list", "--json", exits=1).stdout)["problems"]
        self.assertEqual((problem["file"], problem["line"], problem["pointer"]), (bad, 2, None))

    # --- match ---

    def test_match_by_id(self):
        self.ship()
        text = self.run_client("match", "1002:67df").stdout
        for part in ("1002:67df\nFamily: polaris10, matched by id: /", "Bus reset: forbidden\n",
                     "  1. vendor-reset: after amdgpu has had the card; only under a guard; only with the kernel module vendor-reset loaded\n",
                     "  2. vi-config: after amdgpu has had the card; only under a guard\n",
                     "go on only if register 0x80000004 behind 0x6b0/0x6b4 of BAR 5 (mask 0x1) is 0x0; without this BAR: left out\n",
                     "write 0x39d5e86b at 0x7c of the configuration space\n", "wait 100 us\n",
                     "wait, at most 100 ms, until register 0x5428 of BAR 5 is not 0xffffffff; without this BAR: left out\n",
                     "What is not done:\n  - no reset of its bus in a state in which that could lose it\n",
                     "A lost card comes back by, in this order: suspend power-off\n",
                     "`gpuswitchctl recover` may use: --suspend (the machine sleeps for 10 s), --rescan (", "  state.touched_host_bind = prefail\n"):
            self.assertIn(part, text)

    def test_values_are_where_they_are_said_to_be(self):
        self.ship()
        for card in ("1002:67df", "1002:67b0", "1002:692b", "10de:2340", "1002:7550"):
            for value in self.match(card)["values"]:
                with open(value["file"]) as f:
                    line = f.read().splitlines()[value["line"] - 1]
                self.assertIn('"%s"' % value["key"].split(".")[-1], line)
                self.assertTrue(value["source"], value)

    def test_every_kind_of_family(self):
        self.ship()
        hawaii = self.match("1002:67b0")["resets"]
        self.assertEqual([(r["name"], r["before_guest"], r["needs_guard"]) for r in hawaii], [("ci-config", False, True)])
        self.assertIn("make bit 0x2 of register 0xc0000010 behind 0x200/0x204 of BAR 5 differ from bit 0x40 of register "
                      "0xc00c0000 behind 0x200/0x204 of BAR 5", hawaii[0]["steps"])
        w7100 = self.match("1002:692b")
        self.assertEqual((w7100["family"], w7100["guest_reboots"], w7100["resets"][0]["experimental"]), ("firepro-w7100", 2, True))
        navi = self.match("1002:731f")
        self.assertEqual((navi["kernel_guard"], [r["name"] for r in navi["resets"]]), ("vendor-reset", ["vendor-reset"]))
        self.assertIn("no write to its registers: gpuswitch-helper knows none of this chip", navi["never"])
        unknown = self.match("1002:9999")
        self.assertEqual((unknown["family"], unknown["matched_by"], unknown["resets"], unknown["bus_reset"]),
                         ("generic", "any card", [], "wanted"))
        self.assertIn("no reset by gpuswitch: what the kernel and QEMU do by themselves is all there is", unknown["never"])

    def test_match_of_a_card_in_the_machine(self):
        self.ship()
        self.device("0000:01:00.0", "1002:67df:1da2:e366")
        self.write(f"{POLICY}/10.json", '{ "version": 1, "cards": [\n{ "match": { "address": "01:00.0" }, "name": "gaming",\n'
                                        '"return": "stay" } ] }')
        for name in ("0000:01:00.0", "01:00.0", "gaming"):
            answer = self.match(name)
            self.assertEqual((answer["address"], answer["id"], answer["family"]),
                             ("0000:01:00.0", "1002:67df:1da2:e366", "polaris10"))
        value = self.values("gaming")["return"]
        self.assertEqual((value["value"], value["file"], value["line"], value["source"]),
                         ("stay", f"{self.root}/{POLICY}/10.json", 3, None))
        self.assertNotIn("return", self.values("1002:67df"))

    def test_advice(self):
        self.ship()
        self.device("0000:01:00.0", "8086:1912:8086:2212")
        advice = {entry["when"]: entry for entry in self.match("8086:1912")["advice"]}
        self.assertEqual(sorted(advice), ["boot-display", "large-pages", "root-bus"])
        self.assertIsNone(advice["root-bus"]["applies"])  # of an id alone that is not known
        text = self.run_client("match", "8086:1912").stdout
        for part in ("\nAdvice for the VM:\n  - Graphics inside the CPU", "\n      <address type='pci' domain='0x0000' bus='0x00'",
                     "\n      when: root-bus\n      source: QEMU docs/igd-assign.txt"):
            self.assertIn(part, text)
        self.assertIn("\n      when: boot-display, so not for this card\n", self.run_client("match", "01:00.0").stdout)
        self.assertFalse([entry["applies"] for entry in self.match("01:00.0")["advice"] if entry["when"] == "boot-display"][0])

    def require_prohibitions(self, answer, wanted):
        """Each of these words once, in any order, and nothing else."""
        for words in wanted:
            self.assertEqual(sum(text.startswith(words) for text in answer["never"]), 1, (answer["id"], words, answer["never"]))
        self.assertEqual(len(answer["never"]), len(wanted), answer["never"])

    def test_one_id_of_every_family(self):
        self.ship()
        for name, card, resets, guards, never in FAMILIES:
            answer = self.match(card)
            found = " ".join(reset["name"] + ("?" if reset["experimental"] else "") + ("" if reset["before_guest"] else "-")
                             for reset in answer["resets"])
            self.assertEqual((answer["family"], found, tuple(answer["guards"])), (name, resets, guards), card)
            self.assertEqual(answer["bus_reset"], "forbidden" if guards else "wanted")
            self.require_prohibitions(answer, never + ALWAYS)
        shipped = {entry["family"] for entry in json.loads(self.run_client("list", "--json").stdout)["families"]}
        self.assertEqual(shipped, {row[0] for row in FAMILIES})

    def test_a_device_that_is_no_gpu(self):
        self.ship()
        for name, device, reset, bus_reset, never in DEVICES:
            answer = self.match(device)
            self.assertEqual((answer["device"]["device"], answer["device"]["reset"], answer["bus_reset"]), (name, reset, bus_reset))
            self.assertEqual((answer["family"], answer["resets"], answer["guards"]), (None, [], []))
            self.require_prohibitions(answer, never)
        text = self.run_client("match", "168c:0030").stdout
        for part in ("168c:0030\nKnown as a device that is no GPU: atheros-wireless (", "\n  reset: none\n      source: linux",
                     "\n  bus reset: forbidden\n      source: linux", "\n  note: It goes", "\nWhat is not done:\n  - no reset at all"):
            self.assertIn(part, text)
        self.assertNotIn("wanted", text)
        self.assertIsNone(self.match("1002:67df")["device"])
        # A display device of the vendor stays one.
        self.assertEqual(self.match("8086:0954")["family"], "intel")

    def test_the_board_wins(self):
        self.ship()
        self.write(f"{ADMIN}/50.json", family("mine", '{ "id": "1002:67df", "subsystem": "1da2:e366" }'))
        answer = self.match("1002:67df:1da2:e366")
        self.assertEqual((answer["family"], answer["matched_by"], answer["line"]), ("mine", "board", 2))
        self.assertEqual(self.match("1002:67df:1da2:e367")["family"], "polaris10")
        self.assertEqual(self.match("1002:67df")["family"], "polaris10")

    def test_two_claims(self):
        self.write(f"{ADMIN}/10.json", family("mine", '{ "id": "1002:67df" }'))
        second = self.write(f"{ADMIN}/20.json", family("rival", '{ "id": "1002:67df" }'))
        done = self.run_client("match", "1002:67df")
        self.assertIn("no reset at all: two files of one folder claim this card", done.stdout)
        self.assertIn(f"{second}: /families/0/match/0 (line 2): family \"mine\" of {self.root}/{ADMIN}/10.json (line 2)", done.stderr)
        self.assertIn("VM starts do not take cards", done.stderr)
        self.assertTrue(self.match("1002:67df")["contested"])

    def test_a_refused_file(self):
        self.ship()
        self.write(f"{ADMIN}/90.json", FORMS)
        done = self.run_client("match", "1002:67df")
        self.assertIn("Resets, the first that can run is taken: none\n", done.stdout)
        self.assertIn("no reset at all: a file that is refused speaks of this card, see above", done.stdout)
        answer = self.match("1002:67df")
        self.assertEqual((answer["withheld"], answer["contested"], answer["resets"]), (True, False, []))
        self.assertFalse(self.match("1002:67ef")["withheld"])

    def test_no_files(self):
        self.assertIn("Family: generic, built-in: no file speaks of this card\n", self.run_client("match", "1002:67df").stdout)

    def test_what_is_no_card(self):
        self.ship()
        self.device("0000:02:00.0", "8086:1533:0000:0000", class_="0x020000")
        self.assertIn("belongs to no GPU", self.run_client("match", "02:00.0", exits=1).stderr)
        self.assertIn("No such device", self.run_client("match", "03:00.0", exits=1).stderr)
        for text in ("nothing", "1002:67dg", "1002-67df", "1002:67df:1da2", ""):
            self.assertIn("is no address, no name from policy, and no id", self.run_client("match", text, exits=1).stderr)

    # --- check ---

    def test_check_names_every_fault(self):
        path = self.write("faults.json", FAULTS)
        lines = self.run_client("check", path, exits=1).stderr.splitlines()
        for expected in (f"{path}: /families/0/reset/steps/1 (line 10): register 0x5430 of BAR 5 is not known on a card 1002:67df",
                         f"{path}: /families/0/reset/steps/2 (line 11): 0x39d5e86c at offset 0x7c is not known to reset",
                         f'{path}: /families/1/match/0 (line 18): family "mine" of this file has this id already'):
            self.assertTrue(any(line.startswith(expected) for line in lines), (expected, lines))
        self.assertEqual(len(lines), 3)

        path = self.write("forms.json", FORMS)
        lines = self.run_client("check", path, exits=1).stderr.splitlines()
        for expected in ("/families/0/bus_reset/source (line 5): is missing",
                         '/families/0/reset/steps/0/do (line 7): "explode" is not known here',
                         '/families/0/reset/steps/1/bar (line 8): "6" is no BAR',
                         '/families/0/reset/steps/2/timeout (line 9): is missing: "do": "poll-register" needs it',
                         '/families/0/reset/steps/3/method (line 10): "bus" is no method of a recipe'):
            self.assertTrue(any(line.startswith(f"{path}: {expected}") for line in lines), (expected, lines))
        self.assertEqual(len(lines), 5)

    def test_check_as_json(self):
        bad, good = self.write("faults.json", FAULTS), f"{SOURCE}/policy/quirks/10-amd-polaris.json"
        files = json.loads(self.run_client("check", bad, good, "--json", exits=1).stdout)["files"]
        self.assertEqual([(entry["file"], entry["sound"], len(entry["problems"])) for entry in files], [(bad, False, 3), (good, True, 0)])
        problem = files[0]["problems"][0]
        self.assertEqual((problem["line"], problem["pointer"]), (10, "/families/0/reset/steps/1"))

    def test_shipped_files_are_sound(self):
        folder = f"{SOURCE}/policy/quirks"
        files = sorted(f"{folder}/{name}" for name in os.listdir(folder))
        self.assertEqual(self.run_client("check", *files).stdout, "".join(f"{name}: no fault\n" for name in files))

    def test_policy_is_checked_too(self):
        good = self.write("good.json", '{ "version": 1, "cards": [ { "match": "*", "allow": ["experimental"] } ] }')
        self.run_client("check", good)
        bad = self.write("bad.json", '{ "version": 1, "cards": [\n{ "match": "*",\n"allow": ["prefail"] } ] }')
        self.assertIn(f"{bad}: /cards/0/allow/0 (line 3): ", self.run_client("check", bad, exits=1).stderr)

    def test_what_is_no_file(self):
        for path in (f"{self.root}/none", self.root, "/dev/zero"):
            self.assertIn(f"{path}: the file: ", self.run_client("check", path, exits=1).stderr)

    def test_two_files_that_claim_one_card(self):
        """Each tells of the other: nobody can say which of them is wrong. One file given twice does not contradict itself."""
        first = self.write("a.json", family("a", '{ "id": "1002:7300" },\n{ "id": "1002:67df", "subsystem": "1da2:e366" }'))
        second = self.write("b.json", family("b", '{ "id": "1002:67df", "subsystem": "1DA2:E366" }'))
        third = self.write("c.json", family("c", '{ "id": "1002:67df" }'))
        os.symlink("a.json", f"{self.root}/link.json")
        lines = self.run_client("check", first, second, third, exits=1).stderr.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertTrue(lines[0].startswith(f'{first}: /families/0/match/1 (line 3): family "b" of {second} (line 2) claims the same cards'), lines)
        self.assertTrue(lines[1].startswith(f'{second}: /families/0/match/0 (line 2): family "a" of {first} (line 3) claims the same cards'), lines)
        self.run_client("check", first, third, first, f"{self.root}/./a.json", f"{self.root}/link.json")

    def test_an_installed_file_is_held_against_its_folder(self):
        vendor = self.write(f"{VENDOR}/10.json", family("vendors", '{ "id": "1002:67df" }'))
        first = self.write(f"{ADMIN}/10.json", family("a", '{ "id": "1002:67df" }'))
        draft = self.write("10.json", family("draft", '{ "id": "1002:67df" }'))
        self.run_client("check", vendor, first, draft)
        second = self.write(f"{ADMIN}/20.json", family("b", '{ "id": "1002:67df" }'))
        self.assertIn(f'family "a" of {first} (line 2)', self.run_client("check", second, exits=1).stderr)
        self.assertIn(f'family "b" of {second} (line 2)', self.run_client("check", first, exits=1).stderr)
        self.write(f"{ADMIN}/20.json", "")
        self.run_client("check", first)
        os.unlink(second)
        name = '{ "version": 1, "cards": [ { "match": { "address": "0%d:00.0" }, "name": "gaming" } ] }'
        self.write(f"{POLICY}/10.json", name % 1)
        self.assertIn("another card has this name", self.run_client("check", self.write(f"{POLICY}/20.json", name % 2), exits=1).stderr)
        # What it is, its folder says.
        self.assertIn("/cards (line 1): unknown key", self.run_client("check", self.write(f"{ADMIN}/30.json", name % 1), exits=1).stderr)

    # --- usage ---

    def test_usage(self):
        for arguments in (["list", "more"], ["match"], ["match", "1", "2"], ["check"], ["explode"], [], ["report"],
                          ["list", "-H", "host"], ["match", "1002:67df", "-M", "machine"], ["check", "file", "-H", "host"]):
            self.run_client(*arguments, exits=2)
        self.assertIn("run it there", self.run_client("list", "-H", "host", exits=2).stderr)
        done = subprocess.run([CLIENT, "list", "--root", "/"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("list takes no option --root", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
