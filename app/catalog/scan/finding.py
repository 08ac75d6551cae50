"""A definition scanned: every text in it, names of members, defaults and enumerations included."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from app.catalog.scan import hidden, names, phrases
from app.catalog.scan.words import Grade, Smell, fold

LONG, TOO_LONG = 4_096, 16_384
"""Characters of one text: worth a note, worth a look."""
_EXCERPT = 160
_MOST = 50


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: a note is only told; a warning or an alarm makes a definition wait for a person."""

    code: str
    grade: Grade
    where: str
    excerpt: str = ""


def holds(findings: Iterable[Finding]) -> bool:
    """Whether a definition with these must not be trusted unseen."""
    return any(finding.grade != "note" for finding in findings)


def scan(document: Any, *, name: str, others: Mapping[str, str]) -> tuple[Finding, ...]:
    """Findings in a decoded definition, worst first. `others` are tools of other servers, name to server."""
    skeletons = {names.skeleton(other): other for other in others}
    found = [Finding(code=code, grade=grade, where="name", excerpt=visible(text)) for code, grade, text in
             names.of_name(name, others, skeletons)]  # fmt: skip
    for path, text in texts(document):
        found += (_finding(path, *smell) for smell in _smells(path, text, others, name))
        if len(found) > _MOST:
            break
    order = {"alarm": 0, "warn": 1, "note": 2}
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: order[finding.grade])[:_MOST])


def _smells(path: str, text: str, others: Collection[str], name: str) -> Iterator[Smell]:
    """Code, grade and words of everything wrong with one text."""
    if not path.startswith("icons") and not text.startswith("data:"):
        yield from hidden.encoded(text)
    yield from hidden.unseen(text)
    folded = fold(text)
    yield from phrases.found(folded)
    yield from names.mentioned(folded.names, others, own=name)
    if len(text) > LONG and not text.startswith("data:"):
        yield ("long_text", "warn" if len(text) > TOO_LONG else "note", f"{len(text)} characters")


def _finding(path: str, code: str, grade: Grade, excerpt: str) -> Finding:
    return Finding(code=code, grade=grade, where=visible(path)[:200], excerpt=visible(excerpt)[:_EXCERPT])


def texts(root: Any) -> Iterator[tuple[str, str]]:
    """Every text of a JSON value with its path; names of members count, because models read them too."""
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            for key, item in value.items():
                inner = f"{path}.{key}" if path else key
                if not key.isidentifier():
                    yield inner, key
                stack.append((inner, item))
        elif isinstance(value, list):
            stack.extend((f"{path}[{number}]", item) for number, item in enumerate(value))


def visible(text: str) -> str:
    """The text on one line, with what cannot be seen written out."""
    return "".join(
        char if char.isprintable() else " " if char in "\n\r\t" else f"\\u{ord(char):04x}"
        for char in unicodedata.normalize("NFC", text[: 4 * _EXCERPT])
    )
