"""Search that forgives typing errors: trigrams find the candidates, the likeness of words ranks them."""

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

CANDIDATES = 150
WEAKEST = 0.55
"""Less likely matches are left out."""

_NEWLINE, _SPACE = 10, 0x20


def normalise(text: str) -> str:
    """Lower case, without accents and punctuation, one space between words."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return " ".join("".join(char if char.isalnum() else " " for char in plain.replace("'", "")).split())


class SearchIndex:
    """An inverted index of trigrams over texts; never changes, so threads may share it.

    `texts` are as `normalise` leaves them. Building takes about 0.5 s for 50,000.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        codes, documents = _trigrams(self._texts)
        pairs = np.sort(codes << 32 | documents)
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        self._documents = (pairs & 0xFFFFFFFF).astype(np.int32)
        self._codes, self._starts = np.unique(pairs >> 32, return_index=True)
        self._ends = np.append(self._starts[1:], len(pairs))
        self._lengths = np.bincount(self._documents, minlength=len(texts)).astype(np.float64)

    def search(self, query: str, *, limit: int) -> list[tuple[int, float]]:
        """Places of the best texts and how well each matches (1 is perfect), best first."""
        words = normalise(query)[:200].split()
        if not words or not len(self._documents):
            return []
        places = self._candidates(" ".join(words))
        scores = _likeness(words, [self._texts[place] for place in places])
        ranked = sorted(zip(places, scores, strict=True), key=lambda pair: (-pair[1], self._lengths[pair[0]]))
        return [(place, score) for place, score in ranked[:limit] if score >= WEAKEST]

    def _candidates(self, query: str) -> list[int]:
        """The texts that share the rarest trigrams with the query, short texts before long ones."""
        codes = np.unique(_trigrams([query])[0])
        slots = np.searchsorted(self._codes, codes)
        slots = slots[slots < len(self._codes)]
        slots = slots[np.isin(self._codes[slots], codes)]
        if not len(slots):
            return []
        sizes = self._ends[slots] - self._starts[slots]
        weights = np.repeat(np.log1p(len(self._texts) / sizes), sizes)
        found = np.concatenate([self._documents[self._starts[slot] : self._ends[slot]] for slot in slots])
        scores = np.bincount(found, weights=weights, minlength=len(self._texts)) - 0.001 * self._lengths
        count = min(CANDIDATES, len(scores))
        top = np.argpartition(-scores, count - 1)[:count]
        return [int(place) for place in top if scores[place] > 0]


def _trigrams(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Codes of the byte trigrams of all texts, and the number of the text that each is in.

    Words are padded as in PostgreSQL's pg_trgm (two spaces before, one after), so that beginnings weigh more.
    """
    padded = "\n".join(f"  {text.replace(' ', '  ')} " for text in texts)
    data = np.frombuffer(padded.encode(), np.uint8).astype(np.int64)
    first, second, third = data[:-2], data[1:-1], data[2:]
    documents = np.cumsum(data == _NEWLINE)[:-2]
    whole = (first != _NEWLINE) & (second != _NEWLINE) & (third != _NEWLINE)
    whole &= ~((second == _SPACE) & (third == _SPACE))
    return (first << 16 | second << 8 | third)[whole], documents[whole]


def _likeness(words: Sequence[str], texts: Sequence[str]) -> list[float]:
    """How well each text holds the words: every word counts by its length with its best partner."""
    vocabulary = sorted({word for text in texts for word in text.split()})
    column = {word: place for place, word in enumerate(vocabulary)}
    table = np.array([_partners(word, vocabulary) for word in words])
    weights = np.array([len(word) for word in words], float)
    weights /= weights.sum()
    query = "".join(words)
    return [_score(query, text, table[:, [column[word] for word in text.split()]], weights) for text in texts]


def _partners(word: str, vocabulary: Sequence[str]) -> NDArray[np.float64]:
    """How alike the word is to each of the vocabulary, 0 to 1; the beginning of a word is nearly the word."""
    ratios = process.cdist([word], vocabulary, scorer=fuzz.ratio)[0] / 100.0
    starts = np.array([other.startswith(word) for other in vocabulary])
    return np.maximum(ratios, np.where(starts, 0.96, 0)) if len(word) > 1 else np.where(starts, 0.96, ratios)


def _score(query: str, text: str, partners: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    score = float(partners.max(axis=1) @ weights)
    squeezed = text.replace(" ", "")
    if len(query) > 3:  # noqa: PLR2004  shorter ones are found inside anything
        score = max(score, 0.93 * fuzz.partial_ratio(query, squeezed[: 4 * len(query) + 40]) / 100)
    return min(1.0, score + (0.02 if squeezed.startswith(query) else 0))
