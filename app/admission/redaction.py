"""Contents with what looks personal or secret masked; their structure stays. Time is linear in the size.

Patterns are bounded, begin only at the border of a word, and never repeat a repetition, so that no text makes them
slow. What is too large to be looked at is not kept at all.
"""

import re
from collections import Counter
from itertools import pairwise
from typing import Any

MOST = 128 * 1024
"""Characters looked at in one content; a larger one is kept as its digest."""

_WORD = r"(?<![A-Za-z0-9_])"
_APART = r"(?<![A-Za-z0-9_-])"
_MAIL = r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
_ISSUERS = r"(?:sk|pk|rk|sp|ghp|gho|ghs|ghu|glpat|xox[abprs]|github_pat|hvs)"
_NATIONAL = (
    r"(?:[0-9]{3}-[0-9]{2}-[0-9]{4}|[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]|[0-9]{8}[A-Z]"
    r"|[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z])(?![A-Za-z0-9])"
)
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "key",
        re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,20000}(?:-----END [A-Z ]{0,40}KEY-----)?"),
    ),
    ("e-mail", re.compile(_MAIL)),
    ("token", re.compile(_APART + _ISSUERS + r"[-_][A-Za-z0-9_\-]{8,512}")),
    ("token", re.compile(_APART + r"(?:AKIA|ASIA|AIza)[A-Za-z0-9_\-]{12,64}")),
    (
        "token",
        re.compile(
            _APART + r"eyJ[A-Za-z0-9_\-]{8,4096}\.[A-Za-z0-9_\-]{8,8192}(?:\.[A-Za-z0-9_\-]{0,2048})?"
        ),
    ),
    ("token", re.compile(r"(?i)(?<![a-z0-9])(?:bearer|basic) [a-z0-9._~+/=-]{8,4096}")),
    ("iban", re.compile(_WORD + r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])")),
    ("national-id", re.compile(_WORD + _NATIONAL)),
    ("number", re.compile(r"(?<![0-9A-Za-z_])\+?[0-9(](?:[ ./()-]{0,2}[0-9]){6,40}(?![0-9A-Za-z_])")),
    ("opaque", re.compile(r"(?<![A-Za-z0-9_+/=.-])[A-Za-z0-9_+/=.-]{24,}")),
)
_TELLING = re.compile(
    r"(?i)pass(?:word|phrase|wd)|secret|token|api[_-]?key|private[_-]?key|authori[sz]ation|credential|cookie|^pin$"
)
_LONG = 9
_LOOKED = 256


def redacted(value: Any) -> tuple[Any, dict[str, int]]:
    """The value with masks such as `[e-mail]`, and how many of each; `unscanned` where it is too large to be kept."""
    found: Counter[str] = Counter()
    size = _size(value)
    if size > MOST:
        return None, {"unscanned": size}
    return _masked(value, found), dict(sorted(found.items()))


def _size(value: Any) -> int:
    total, stack = 0, [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            total += len(item)
        elif isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return total


def _masked(value: Any, found: Counter[str]) -> Any:
    if isinstance(value, str):
        return _text(value, found)
    if isinstance(value, dict):
        return _members(value, found)
    if isinstance(value, list):
        return [_masked(item, found) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10 ** (_LONG - 1):
        found["number"] += 1
        return "[number]"
    return value


def _members(value: dict[str, Any], found: Counter[str]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, item in value.items():
        shown = _text(name, found)
        while shown in members:
            shown += "'"  # two names that look the same once masked
        if item not in (None, "", [], {}) and not isinstance(item, bool) and _TELLING.search(name):
            found["secret"] += 1
            members[shown] = "[secret]"
        else:
            members[shown] = _masked(item, found)
    return members


def _text(text: str, found: Counter[str]) -> str:
    if len(text) < 5:
        return text
    for kind, pattern in _PATTERNS:
        text = pattern.sub(lambda match, kind=kind: _mask(match[0], kind, found), text)
    return text


def _mask(text: str, kind: str, found: Counter[str]) -> str:
    digits = [int(char) for char in text if char in "0123456789"]
    if kind == "iban" and not _is_iban(text):
        return text
    if kind == "opaque":
        if not _dense(text[:_LOOKED]):
            return text
        kind = "token"
    if kind == "number":
        if 13 <= len(digits) <= 19 and _luhn(digits):
            kind = "card"
        elif text[0] in "+(" or (len(digits) >= 7 and any(char in " ./()-" for char in text)):
            if _is_date(text):
                return text
            kind = "phone"
        elif len(digits) < _LONG:
            return text
    found[kind] += 1
    return f"[{kind}]"


def _luhn(digits: list[int]) -> bool:
    """ISO/IEC 7812: the check digit of payment cards."""
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """ISO 13616: rearranged, letters as numbers, the remainder by 97 is 1."""
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def _dense(text: str) -> bool:
    """Digits between letters again and again, as only made-up texts have them; words, paths and names stay."""
    marks = [char.isdigit() for char in text if char.isalnum()]
    return sum(a != b for a, b in pairwise(marks)) >= 4


def _is_date(text: str) -> bool:
    """2026-11-21, 21.11.2026, 11/21/2026: kept, they say when and not who."""
    return (
        re.fullmatch(r"[0-9]{4}([-./])[0-9]{2}\1[0-9]{2}|[0-9]{2}([-./])[0-9]{2}\2[0-9]{4}", text) is not None
    )
