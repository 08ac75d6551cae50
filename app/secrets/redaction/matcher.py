"""Many literals in one pass: the text is read as words, and each is looked up in one set, all inside C.

A literal of fifteen bytes or more holds, wherever it stands, one aligned 64-bit word of its text, a shorter one of
seven or more a 32-bit one; so eight or four words stand for it, one an alignment. Text without any of these words,
nearly all of it, costs a set look-up for each eight bytes, and for each four where there are short literals.
"""

import sys
from collections.abc import Mapping
from typing import Literal

import msgspec

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
        self._layers: list[_Layer] = []
        left = dict(sorted(literals.items()))
        for layer in (_Layer(8, "Q"), _Layer(4, "I")):
            taken = {literal: name for literal, name in left.items() if len(literal) >= layer.window}
            left = {literal: name for literal, name in left.items() if literal not in taken}
            if taken:
                layer.fill(taken)
                self._layers.append(layer)
        self._heads: dict[int, list[bytes]] = {}
        for literal in literals:
            self._heads.setdefault(literal[0], []).append(literal)
        self.longest = max(map(len, literals), default=0)

    def __bool__(self) -> bool:
        return bool(self._layers)

    def find(self, text: bytes) -> list[Span]:
        """Every place, in order; overlapping ones too. TooManyLooks when the text is made to be slow."""
        return sorted(span for layer in self._layers for span in layer.find(text))

    def absent(self, text: bytes) -> bool:
        """Whether no word of any literal stands in the text, so that none of them does."""
        return all(layer.absent(text) for layer in self._layers) if self._layers else True

    def begins(self, text: bytes) -> int:
        """The first place from which the rest of the text is the beginning of a literal; its length if there is none."""
        for place in range(max(0, len(text) - self.longest + 1), len(text)):
            heads = self._heads.get(text[place])
            if heads is not None:
                rest = text[place:]
                if any(literal.startswith(rest) for literal in heads):
                    return place
        return len(text)


class _Layer:
    """Literals that are looked for by words of one size; `window` is what the words of a literal cover together."""

    def __init__(self, word: int, code: Literal["I", "Q"]) -> None:
        self.window = 2 * word - 1
        self._word = word
        self._code: Literal["I", "Q"] = code
        self._buckets: dict[int, list[tuple[int, bytes, str]]] = {}
        self._words: frozenset[int] = frozenset()

    def fill(self, literals: Mapping[bytes, str]) -> None:
        """Take these."""
        for literal, name in literals.items():
            place = self._quietest(literal)
            for offset in range(place, place + self._word):
                self._buckets.setdefault(self._at(literal, offset), []).append((offset, literal, name))
        self._words = frozenset(self._buckets)

    def absent(self, text: bytes) -> bool:
        """Whether none of their words stands there."""
        return self._words.isdisjoint(memoryview(text)[: len(text) & -self._word].cast(self._code))

    def find(self, text: bytes) -> list[Span]:
        """Where they stand."""
        words = memoryview(text)[: len(text) & -self._word].cast(self._code)
        if self._words.isdisjoint(words):
            return []
        found: list[Span] = []
        looks, known = 0, self._words
        for index in [number for number, word in enumerate(words) if word in known]:
            for offset, literal, name in self._buckets[words[index]]:
                looks += 1
                start = self._word * index - offset
                if start >= 0 and text.startswith(literal, start):
                    found.append(Span(start, start + len(literal), name))
            if looks > MOST_LOOKS:
                raise TooManyLooks
        return found

    def _quietest(self, literal: bytes) -> int:
        """Where the literal is least like the others: beginnings such as `sk-` or `https://` are shared by many."""
        last = len(literal) - self.window
        step = max(1, last // _CHOICES)
        places = sorted(range(0, last + 1, step), key=lambda place: abs(place - last // 2))
        crowds: list[tuple[int, int]] = []
        for place in places:
            crowd = self._crowd(literal, place)
            if not crowd:
                return place
            crowds.append((crowd, place))
        return min(crowds)[1]

    def _crowd(self, literal: bytes, place: int) -> int:
        offsets = range(place, place + self._word)
        return max(len(self._buckets.get(self._at(literal, offset), ())) for offset in offsets)

    def _at(self, literal: bytes, offset: int) -> int:
        return int.from_bytes(literal[offset : offset + self._word], sys.byteorder)
