"""The words that stand out."""
import os
from collections import Counter

from .words import words

_DEFAULT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "stopwords.txt")


def stopwords(path=_DEFAULT):
    """The words of a list, one a line; `#` starts a comment."""
    with open(path, encoding="utf-8") as stream:
        lines = (line.split("#", 1)[0].strip() for line in stream)
        return frozenset(line for line in lines if line)


def keywords(text, count=10, ignored=None):
    """The most frequent words of three letters or more that are not `ignored`, each with its count; ties by spelling."""
    if count < 0:
        raise ValueError("count must not be negative")
    ignored = stopwords() if ignored is None else ignored
    found = Counter(word for word in (word.casefold() for word in words(text)) if len(word) > 2 and word not in ignored)
    return sorted(found.items(), key=lambda each: (-each[1], each[0]))[:count]
