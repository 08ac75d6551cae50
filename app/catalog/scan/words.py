"""A text as the words a model would take from it, whatever letters they are written in."""

import re
import unicodedata
from typing import Literal

import msgspec

Grade = Literal["note", "warn", "alarm"]
Smell = tuple[str, Grade, str]
"""A code, how bad it is, and the words."""

_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051b\u051d\u043a\u043c\u0442\u0432\u043d"
    "\u03b1\u03bf\u03c1\u03bd\u03b9\u03ba\u03c4\u03c5\u03c7\u0131\u0261\u0251\u1d0f\u0585\u057d\u0578\u0570",
    "aeopcyxijsdhqwkmtbhaopviktuxigaoounh",
)
"""Letters of other scripts that look like Latin ones, lower case (a part of Unicode's confusables)."""
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_TAGS = re.compile("[\U000e0020-\U000e007e]")
_WORD = re.compile(r"[a-z0-9]+")
_NAME = re.compile(r"[A-Za-z0-9_-]{3,128}")
_APOSTROPHES = str.maketrans("", "", "'\u2019`\u02bc")


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """The text in lower case and plain letters, its words in order, and the identifiers in it as written."""

    text: str
    words: tuple[str, ...]
    names: frozenset[str]


def fold(text: str) -> Folded:
    """Compatibility forms, look-alikes, joiners and tag characters undone."""
    plain = lower(text)
    return Folded(
        text=plain,
        words=tuple(_WORD.findall(plain.translate(_APOSTROPHES))),
        names=frozenset(_NAME.findall(text)),
    )


def lower(text: str) -> str:
    """One spelling for all that look alike."""
    if text.isascii():
        return text.lower()
    text = _TAGS.sub(lambda match: chr(ord(match[0]) - 0xE0000), _UNSEEN.sub("", text))
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in decomposed if not unicodedata.combining(char)).translate(_LOOKALIKES)
