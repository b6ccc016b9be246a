"""A managed backend lets nobody in without the key."""

import unittest

from sample_search.client import Index, Refused
from tests.integration.backends import backend


class TestKey(unittest.TestCase):
    def test_without_the_right_key(self):
        with backend() as (url, key):
            Index(url, "keys", key).add({"one": "with the key"})
            for wrong in ("", key + "x"):
                with self.subTest(wrong), self.assertRaises(Refused) as caught:
                    Index(url, "keys", wrong).search("key")
                self.assertEqual(401, caught.exception.status)
