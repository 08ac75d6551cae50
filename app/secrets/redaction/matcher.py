"""Many literals in one pass: the text is read as 32-bit words, and each is looked up in one set, all inside C.

A literal of seven bytes or more holds, wherever it stands, one aligned word of its text; so four words stand for
it, one an alignment. Text without any of these words, nearly all of it, costs a set look-up for each four bytes.
"""

from collections.abc import Mapping
from struct import unpack

import msgspec

WORD = 4
WINDOW = 2 * WORD - 1
"""Bytes of a literal that its four words cover; a literal is never shorter."""
_CHOICES = 24
MOST_LOOKS = 200_000
"""Words that may look like part of a secret in one text; a text made of look-alikes is withheld."""


class Span(msgspec.Struct, frozen=True, order=True):
    """Where a literal stands, and the name that it belongs to."""

    start: int
    end: int
    name: str


class TooManyLooks(ValueError):  # noqa: N818 - never seen outside the redactor
    """A text made to look like secrets everywhere."""


class Matcher:
    """Built once for a set of literals. `find` is linear in the text but for words that really occur in a literal."""

    def __init__(self, literals: Mapping[bytes, str]) -> None:
        self._buckets: dict[int, list[tuple[int, bytes, str]]] = {}
        self._heads: dict[int, list[bytes]] = {}
        for literal in literals:
            self._heads.setdefault(literal[0], []).append(literal)
        self.longest = max(map(len, literals), default=0)
        for literal, name in sorted(literals.items()):
            if len(literal) >= WINDOW:
                self._add(literal, name)
        self._words = frozenset(self._buckets)

    def __bool__(self) -> bool:
        return bool(self._words)

    def suspects(self, text: bytes) -> bool:
        """Whether the text could hold one; False is certain."""
        return not self._words.isdisjoint(_words(text))

    def find(self, text: bytes) -> list[Span]:
        """Every place, in order; overlapping ones too. TooManyLooks when the text is made to be slow."""
        words = _words(text)
        if self._words.isdisjoint(words):
            return []
        found: list[Span] = []
        looks, known, buckets = 0, self._words, self._buckets
        for index in [number for number, word in enumerate(words) if word in known]:
            for offset, literal, name in buckets[words[index]]:
                looks += 1
                start = WORD * index - offset
                if start >= 0 and text.startswith(literal, start):
                    found.append(Span(start, start + len(literal), name))
            if looks > MOST_LOOKS:
                raise TooManyLooks
        return sorted(found)

    def begins(self, text: bytes) -> int:
        """The first place from which the rest of the text is the beginning of a literal; its length if there is none."""
        for place in range(max(0, len(text) - self.longest + 1), len(text)):
            heads = self._heads.get(text[place])
            if heads is not None:
                rest = text[place:]
                if any(literal.startswith(rest) for literal in heads):
                    return place
        return len(text)

    def _add(self, literal: bytes, name: str) -> None:
        window = self._quietest(literal)
        for shift in range(WORD):
            word = _word(literal, window + shift)
            self._buckets.setdefault(word, []).append((window + shift, literal, name))

    def _quietest(self, literal: bytes) -> int:
        """Where the literal is least like the others: beginnings such as `sk-` or `https://` are shared by many."""
        last = len(literal) - WINDOW
        step = max(1, last // _CHOICES)
        places = sorted(range(0, last + 1, step), key=lambda place: abs(place - last // 2))
        return min(places, key=lambda place: self._crowd(literal, place))

    def _crowd(self, literal: bytes, place: int) -> int:
        words = (_word(literal, place + shift) for shift in range(WORD))
        return max(len(self._buckets.get(word, ())) for word in words)


def _word(literal: bytes, place: int) -> int:
    return unpack("=I", literal[place : place + WORD])[0]


def _words(text: bytes) -> memoryview:
    return memoryview(text)[: len(text) & -WORD].cast("I")
