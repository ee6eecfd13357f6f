import unittest

from textkit import keywords, slug, stats, stopwords, wrap


class TextkitTests(unittest.TestCase):
    def test_counts(self):
        found = stats("One two. Three!\n\nIt's four, isn't it")
        self.assertEqual((found.words, found.sentences, found.paragraphs), (7, 3, 2))
        self.assertEqual(stats("").words, 0)

    def test_keywords_leave_frequent_words_out(self):
        self.assertIn("the", stopwords())
        self.assertEqual(keywords("The blob, the Blob and a tag; a tag, a blob", 2), [("blob", 3), ("tag", 2)])

    def test_slugs(self):
        self.assertEqual(slug("Crème brûlée, recipe no. 3"), "creme-brulee-recipe-no-3")
        self.assertEqual(slug("Straße"), "strasse")
        self.assertEqual(slug("one two three", 7), "one-two")
        self.assertEqual(slug("abcdefgh", 3), "abc")
        self.assertEqual(slug("!!!"), "")

    def test_wrapping_keeps_lists_and_code(self):
        text = "A line that is too long for this width.\n\n- an item that is too long as well\n\n    code stays"
        self.assertEqual(wrap(text, 20), "A line that is too\nlong for this width.\n\n- an item that is\n  too long as well\n\n    code stays")


if __name__ == "__main__":
    unittest.main()
