"""Counts, keywords, slugs and wrapping for plain text."""
from .keywords import keywords, stopwords
from .slug import slug
from .stats import Stats, stats
from .wrap import wrap

__all__ = ["Stats", "keywords", "slug", "stats", "stopwords", "wrap"]
__version__ = "0.2.0"
