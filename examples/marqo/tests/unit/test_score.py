import unittest

from sample_search.score import scores


class TestScores(unittest.TestCase):
    def test_dot_products(self):
        self.assertEqual([11, -1, 0], scores([[1, 2], [1, -1], [0, 0]], [3, 4]))

    def test_nothing_to_compare(self):
        self.assertEqual([], scores([], [1, 2]))

    def test_vectors_of_other_lengths_are_refused(self):
        with self.assertRaisesRegex(ValueError, "vectors of 3 and 2 numbers"):
            scores([[1, 2, 3]], [1, 2])

    def test_unknown_device_is_refused(self):
        with self.assertRaisesRegex(ValueError, "compute on 'abacus'"):
            scores([[1]], [1], "abacus")
