"""What holds of every backend."""

import contextlib
import unittest
import uuid

from sample_search.client import Index
from tests.integration.backends import backend

DOCUMENTS = {
    "moon": "The rover is driving over the surface of the moon",
    "sea": "A diver swims with whales in the open sea",
    "oven": "Bread bakes in a hot oven for an hour",
}


class TestSearch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        url, key = stack.enter_context(backend())
        cls.index = Index(url, f"test-{uuid.uuid4().hex}", key)
        cls.index.add(DOCUMENTS)

    def test_nearest_document_comes_first(self):
        for identity, text in {"moon": "rovers that drove on moons", "sea": "swimming whale", "oven": "baking bread"}.items():
            with self.subTest(text):
                self.assertEqual(identity, self.index.search(text)[0]["id"])

    def test_same_text_scores_one(self):
        self.assertAlmostEqual(1, self.index.search(DOCUMENTS["sea"])[0]["score"], places=5)

    def test_scores_fall_and_the_limit_holds(self):
        hits = self.index.search("hot bread in the open sea", limit=2)
        self.assertEqual(2, len(hits))
        self.assertGreaterEqual(hits[0]["score"], hits[1]["score"])
