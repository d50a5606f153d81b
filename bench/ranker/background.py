"""Makes internal/text/background.bin: how common words are in what people write, over many languages.

    pip install wordfreq==3.1.1
    python background.py ../../internal/text/background.bin

Each entry is the FNV-1a hash (32 bits, little-endian) of a word in lower case without accents, or of a pair of characters in
scripts without spaces, and one byte: its weight in a question, 255 for 1. The weight is the share that is left of the
information of a word when texts of thirty words hold it that often: -ln(1 - exp(-30 f)) / 5, at most 1. Words that weigh 1
are left out. The frequencies are those of wordfreq 3.1 by Robyn Speer (CC BY-SA 4.0).
"""
import math, struct, sys, unicodedata

import wordfreq

MOST = {"en": 500, "de": 400, "es": 400, "fr": 400, "it": 300, "pt": 300, "nl": 300, "pl": 200, "sv": 200, "da": 150, "nb": 150, "fi": 150,
        "cs": 150, "hu": 150, "ro": 150, "tr": 200, "id": 150, "ru": 300, "uk": 150, "el": 150, "he": 150, "ar": 200, "hi": 150, "ko": 200, "ja": 200, "zh": 200}


def fold(word):
    """As internal/text folds a word."""
    keep = lambda c: (c.isalnum() or unicodedata.category(c)[0] == "M") and not (unicodedata.category(c) == "Mn" and c < "\u3000")
    return "".join(c for c in unicodedata.normalize("NFKD", word.lower()) if keep(c))


def unspaced(c):
    return "\u3040" <= c <= "\u30ff" or "\u4e00" <= c <= "\u9fff" or "\u0e00" <= c <= "\u0e7f"


def fnv(word):
    h = 0x811C9DC5
    for b in word.encode():
        h = (h ^ b) * 0x01000193 & 0xFFFFFFFF
    return h


def main(path):
    found = {}
    for language, most in MOST.items():
        frequencies = wordfreq.get_frequency_dict(language)
        for word in sorted(frequencies, key=lambda w: (-frequencies[w], w))[:most]:
            f = frequencies[word]
            keys = [fold(word)]
            if unspaced(word[0]):
                keys = [word[i:i + 2] for i in range(len(word) - 1)]
            for k in keys:
                if k and not k[0].isdigit():
                    found[k] = max(found.get(k, 0), f)
    entries = {}
    for k, f in found.items():
        w = max(5, round(255 * min(1, -math.log(1 - math.exp(-30 * f)) / 5)))
        if w < 255:
            h = fnv(k)
            entries[h] = min(entries.get(h, 255), w)
    with open(path, "wb") as out:
        for h in sorted(entries):
            out.write(struct.pack("<IB", h, entries[h]))
    print(len(entries), "entries of", len(found), "words")


if __name__ == "__main__":
    main(sys.argv[1])
