"""Names for files and URLs."""
import unicodedata

_WRITTEN = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "œ": "oe", "þ": "th", "ð": "d"})


def slug(text, limit=80):
    """Lower-case ASCII letters and digits with single hyphens between; never longer than `limit`, cut between words where it can be."""
    if limit < 1:
        raise ValueError("limit must be at least 1")
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_WRITTEN))
    parts = "".join(each if each.isascii() and each.isalnum() else "" if unicodedata.combining(each) else " " for each in plain).split()
    out = ""
    for part in parts:
        longer = out + "-" + part if out else part
        if len(longer) > limit:
            break
        out = longer
    return out or "-".join(parts)[:limit].rstrip("-")
