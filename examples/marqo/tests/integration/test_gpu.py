"""The GPU is there, and computes what the CPU does."""

import random
import unittest

from sample_search import cuda
from sample_search.score import scores


class TestGpu(unittest.TestCase):
    def test_same_scores_as_the_cpu(self):
        print("on", cuda.gpu().name)
        chance = random.Random(1)
        # More rows than one block has threads, and not a multiple of them.
        vectors = [[chance.uniform(-1, 1) for _ in range(96)] for _ in range(1000)]
        query = [chance.uniform(-1, 1) for _ in range(96)]
        for want, got in zip(scores(vectors, query, "cpu"), scores(vectors, query, "cuda"), strict=True):
            self.assertAlmostEqual(want, got, places=4)
