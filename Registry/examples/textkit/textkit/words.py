"""What counts as a word."""
import re

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def words(text):
    """The words of a text in order: runs of letters, with apostrophes inside."""
    return _WORD.findall(text)
