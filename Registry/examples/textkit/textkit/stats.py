"""Counting."""
import re
from dataclasses import dataclass

from .words import words

_SENTENCE_END = re.compile(r"[.!?…]+(?:[\"'”’)\]]*)(?=\s|$)")
WORDS_A_MINUTE = 230


@dataclass(frozen=True)
class Stats:
    characters: int
    words: int
    sentences: int
    paragraphs: int
    reading_seconds: int


def stats(text):
    """Counts a text. A paragraph is a run of lines that are not blank; a last sentence needs no full stop."""
    found = words(text)
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    sentences = 0
    for part in paragraphs:
        ends = list(_SENTENCE_END.finditer(part))
        rest = part[ends[-1].end():] if ends else part
        sentences += len(ends) + (1 if words(rest) else 0)
    return Stats(len(text), len(found), sentences, len(paragraphs), round(len(found) * 60 / WORDS_A_MINUTE))
