#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gpuswitchctl explain, against the fake service on a private bus.

usage: client-explain-test.py GPUSWITCHCTL FAKE-DAEMON [unittest arguments]
"""

import json
import sys
import unittest

from client_bus import UUID, BusTest


class Explaining(BusTest):
    def test_yes(self):
        self.start_fake()
        self.assertEqual(self.run_client("explain", "01:00.0").stdout,
                         "0000:01:00.0  Radeon RX 570\n      To guest: yes, in 6 steps\n       To host: is there already\n     Isolation: not known: this daemon cannot tell\n")
        one, = json.loads(self.run_client("--json", "explain", "01:00.0").stdout)["gpus"]
        self.assertEqual((one["address"], one["possible"], one["stuck"], one["stuck_detail"]),
                         ("0000:01:00.0", True, False, None))
        self.assertEqual(one["guest"], {"possible": True, "there": False, "steps": 6, "obstacles": []})
        self.assertEqual(one["host"], {"possible": True, "there": True, "steps": 0, "obstacles": []})

    def test_inhibited(self):
        """Each program that blocks it is named; who only delays is no obstacle, nor is anybody where nothing is to do."""
        self.start_fake("--inhibited")
        text = self.run_client("explain", "01:00.0", exits=1).stdout
        cure = "          Cure: Wait until that program is done, or end it.\n"
        self.assertEqual(text, "0000:01:00.0  Radeon RX 570\n"
                               "      To guest: no: It is held back by 'farm' (pid 812, user 1000): a film.\n" + cure +
                               "      To guest: no: It is held back by 'backup' (pid 813, user 0): it reads all.\n" + cure +
                               "       To host: is there already\n     Isolation: not known: this daemon cannot tell\n")
        one, = json.loads(self.run_client("--json", "explain", "01:00.0", exits=1).stdout)["gpus"]
        self.assertEqual((one["possible"], one["guest"]["possible"], one["guest"]["steps"]), (False, False, 6))
        self.assertEqual(len(one["guest"]["obstacles"]), 2)

    def test_refused(self):
        self.start_fake()
        text = self.run_client("explain", "10000:04:00.0", exits=1).stdout
        self.assertEqual(text, "10000:04:00.0  Twin\n      To guest: no: no plan\n          Cure: Try later.\n"
                               "       To host: no: no plan\n          Cure: Try later.\n     Isolation: not known: this daemon cannot tell\n")
        one, = json.loads(self.run_client("--json", "explain", "10000:04:00.0", exits=1).stdout)["gpus"]
        self.assertEqual(one["guest"], {
            "possible": False, "there": False, "steps": 0,
            "obstacles": [{"error": "org.gpuswitch1.Error.Failed", "reason": "no plan", "cures": ["Try later."]}]})

    def test_machine_has_it(self):
        self.start_fake()
        text = self.run_client("explain", "big", exits=1).stdout
        self.assertIn(f"To host: no: It belongs to virtual machine 'win?[31m11' ({UUID}).\n", text)
        self.assertIn("Cure: Shut that virtual machine down", text)

    def test_advice(self):
        self.start_fake()
        text = self.run_client("explain", "big", exits=1).stdout
        self.assertIn("        Advice: Give it ?[31ma ROM.\n                <rom file='x'/>\n                (a page)\n"
                      "        Advice: Take care.\n                (a book)\n", text)
        one, = json.loads(self.run_client("--json", "explain", "big", exits=1).stdout)["gpus"]
        self.assertEqual(one["advice"][1], {"text": "Take care.", "xml": "", "source": "a book"})
        one, = json.loads(self.run_client("--json", "explain", "01:00.0").stdout)["gpus"]
        self.assertEqual(one["advice"], [])

    def test_isolation(self):
        self.start_fake()
        text = self.run_client("explain", "big", exits=1).stdout
        self.assertIn("""   IOMMU group: 15 (DMA-FQ), shared with other devices, no guest can have it as it is
                with 0000:03:00.0, class 0x010802, driver nvme: no guest can have the group while the host uses it
                with 0000:00:01.0, class 0x060400, no driver
                reserved: 0xfee00000-0xfeefffff msi
                and more reserved regions
                and more devices than can be looked at
        Way up: 0000:00:01.0, root port: ACS is not complete, it lacks source validation, request redirect
                0000:01:00.0, upper port of a switch
                0000:01:01.0, lower port of a switch: no ACS, so devices below it may reach each other, unless the kernel knows its chipset to prevent that
                0000:01:02.0, bridge from PCI Express to PCI: the IOMMU sees its id in place of those of the devices below it, which so are one group
                0000:01:03.0, port: nothing is known of it: it ?[31mreads all ones
                and more ports
""", text)
        one, = json.loads(self.run_client("--json", "explain", "big", exits=1).stdout)["gpus"]
        self.assertEqual([port["acs"] for port in one["isolation"]["ports"]],
                         ["incomplete", "not-needed", "none", "none", "unknown"])
        one, = json.loads(self.run_client("--json", "explain", "01:00.0").stdout)["gpus"]
        self.assertEqual(one["isolation"], {"problem": "this daemon cannot tell"})

    def test_stuck(self):
        self.start_fake()
        text = self.run_client("explain", "10000:03:00.0", exits=1).stdout
        for part in ("What hangs: write 10000:03:00.0 to /sys/bus/pci/drivers/amdgpu/unbind\n",
                     "To guest: no, while it is stuck\n", "To host: no, while it is stuck\n",
                     "What helps: End what uses?[31m it.\n"):
            self.assertIn(part, text)
        self.assertNotIn("no plan", text)
        one, = json.loads(self.run_client("--json", "explain", "10000:03:00.0", exits=1).stdout)["gpus"]
        self.assertEqual((one["possible"], one["stuck"], one["stuck_detail"]["pid"]), (False, True, 637))
        self.assertEqual(one["guest"]["obstacles"][0]["cures"], ["End what uses\033[31m it.", "and another"])

    def test_all(self):
        self.start_fake()
        text = self.run_client("explain", exits=1).stdout
        self.assertEqual(text.count("\n\n"), 3)
        everything = json.loads(self.run_client("--json", "explain", exits=1).stdout)
        self.assertEqual([gpu["possible"] for gpu in everything["gpus"]], [True, False, False, False])

    def test_no_gpu(self):
        self.start_fake("--empty")
        self.assertIn("no GPU", self.run_client("explain").stderr)
        self.assertEqual(json.loads(self.run_client("--json", "explain").stdout), {"gpus": []})

    def test_unknown_gpu(self):
        self.start_fake()
        self.assertEqual(self.run_client("explain", "05:00.0", exits=1).stdout, "")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
