"""The tests run where they are meant to."""

import os
import platform
import unittest


class TestMachine(unittest.TestCase):
    def test_architecture(self):
        self.assertEqual(os.environ.get("EXPECTED_MACHINE") or "aarch64", platform.machine())
