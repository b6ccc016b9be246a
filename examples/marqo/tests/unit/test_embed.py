import unittest

from sample_search.embed import embed


class TestEmbed(unittest.TestCase):
    def test_endings_do_not_count(self):
        self.assertEqual(embed("Running dogs"), embed("run, dog!"))

    def test_other_words_point_elsewhere(self):
        self.assertNotEqual(embed("a dog"), embed("a cat"))

    def test_length_is_one(self):
        self.assertAlmostEqual(1, sum(x * x for x in embed("several words of which one is one")))

    def test_text_without_words_is_refused(self):
        with self.assertRaisesRegex(ValueError, "it has no word"):
            embed(" …! ")
