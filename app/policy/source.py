"""The narrow YAML that policy documents are written in: no anchors, no tags, no guessing, every line known.

Read from the event stream, because PyYAML's composer recurses and a deep document would end the process.
Plain scalars follow the YAML 1.2 core schema: `no` and `on` are texts, `010` is a text and not eight.
"""

import math
import re
from typing import Any

import yaml

from app.core.errors import InputError

MAX_BYTES = 512 * 1024
MAX_DEPTH = 24
_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,18})\Z")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,20})?(?:[eE][-+]?[0-9]{1,3})?\Z")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}

Lines = dict[tuple[str | int, ...], int]


def read(data: bytes) -> tuple[Any, Lines]:
    """The tree of a document and the line of each of its places; InputError on anything unusual."""
    if len(data) > MAX_BYTES:
        raise InputError(
            f"The document is larger than {MAX_BYTES} bytes.", remedy="Split it into several policies."
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"The document is not UTF-8 (byte {error.start}).", code="invalid_utf8") from None
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise fault(f"this is not YAML: {problem}", line=mark.line + 1 if mark else 1) from None
    return builder.root, builder.lines


def fault(problem: str, *, line: int, remedy: str = "") -> InputError:
    """The one way a mistake in a document is told."""
    return InputError(f"line {line}: {problem}.", remedy=remedy, code="policy_invalid")


class _Open:
    """A list or mapping whose end has not come yet."""

    __slots__ = ("key", "path", "value")

    def __init__(self, value: Any, path: tuple[str | int, ...]) -> None:
        self.value = value
        self.path = path
        self.key: str | None = None


class _Builder:
    """Builds the tree from events."""

    def __init__(self) -> None:
        self.root: Any = None
        self.lines: Lines = {(): 1}
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise fault(
                "anchors and aliases (& and *) are not used here",
                line=line,
                remedy="Quote a text that begins with *.",
            )
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise fault(
                    "a file holds one document",
                    line=line,
                    remedy="Put the second one into a file of its own.",
                )
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event, line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, line: int) -> None:
        if event.tag is not None:
            raise fault(f"the tag {event.tag} is not used here", line=line)
        if len(self._open) >= MAX_DEPTH:
            raise fault(f"nested deeper than {MAX_DEPTH} levels", line=line)
        if self._open and isinstance(self._open[-1].value, dict) and self._open[-1].key is None:
            raise fault("a key must be a text", line=line)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Open(value, self._put(value, line)))

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        if event.tag is not None:
            raise fault(f"the tag {event.tag} is not used here", line=line)
        top = self._open[-1] if self._open else None
        if top and isinstance(top.value, dict) and top.key is None:
            if event.value in top.value:
                raise fault(f"the key {event.value!r} is given twice", line=line)
            top.key = event.value
            self.lines[(*top.path, event.value)] = line
            return
        self._put(_plain(event.value) if event.implicit[0] and not event.style else event.value, line)

    def _put(self, value: Any, line: int) -> tuple[str | int, ...]:
        if not self._open:
            self.root = value
            return ()
        top = self._open[-1]
        if isinstance(top.value, list):
            path = (*top.path, len(top.value))
            top.value.append(value)
            self.lines[path] = line
        else:
            path = (*top.path, top.key or "")
            top.value[top.key] = value
            top.key = None
        return path


def _plain(text: str) -> Any:
    if text.lower() in _WORDS and text in {text.lower(), text.capitalize(), text.upper()}:
        return _WORDS[text.lower()]
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) and math.isfinite(float(text)) else text
