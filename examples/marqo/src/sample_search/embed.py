"""Texts as vectors: texts with the same words, whatever their endings, point the same way."""

import math
import re
import zlib

import snowballstemmer

WIDTH = 256

_stem = snowballstemmer.stemmer("english").stemWord


def embed(text):
    """Return the unit vector of a text. A text without a word has none: ValueError."""
    vector = [0.0] * WIDTH
    for word in re.findall(r"[a-z0-9]+", text.lower()):
        vector[zlib.crc32(_stem(word).encode()) % WIDTH] += 1.0
    length = math.sqrt(sum(x * x for x in vector))
    if length == 0:
        raise ValueError(f"embed {text!r}: it has no word")
    return [x / length for x in vector]
