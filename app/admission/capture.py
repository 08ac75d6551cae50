"""What of the contents of a call is kept: off, digest, redacted or full."""

from typing import Any

from app.admission.redaction import redacted
from app.admission.text import recordable
from app.audit.subjects.box import seal_content
from app.audit.subjects.persons import Subject
from app.config.schema import Record
from app.core.canonical import canonical, digest
from app.core.verdict import Capture as Mode

INLINE_LIMIT = 24 * 1024
CONTENT_LIMIT = 4 * 1024 * 1024
_TOOLS = frozenset({"tool", "resource", "prompt"})

__all__ = ["CONTENT_LIMIT", "INLINE_LIMIT", "Capture", "Kept", "Mode"]


class Kept:
    """Contents too large for their row, in clear until they are sealed, each with where its reference stands."""

    __slots__ = ("_places", "contents")

    def __init__(self) -> None:
        self.contents: list[tuple[str, bytes]] = []
        self._places: list[dict[str, Any]] = []

    def add(self, data: bytes) -> dict[str, Any]:
        """Keep this beside the row; the reference to stand in the row."""
        reference: dict[str, Any] = {"sha256": digest(data), "bytes": len(data)}
        self.contents.append((reference["sha256"], data))
        self._places.append(reference)
        return reference

    def clear(self) -> None:
        """Keep nothing after all."""
        self.contents, self._places = [], []

    def seal(self, subject: Subject, subject_bytes: bytes) -> None:
        """Box every content for this person; references then hold the digest of the box."""
        boxes = [seal_content(subject.key, data, subject=subject_bytes) for _, data in self.contents]
        self.contents = [(digest(box), box) for box in boxes]
        for reference, (name, _) in zip(self._places, self.contents, strict=True):
            reference["sha256"] = name


class Capture:
    """The profile's choice for AI requests and for tools, narrowed by what the deciding rules say."""

    def __init__(self, settings: Record) -> None:
        self._ai: Mode = settings.ai_content
        self._tool: Mode = settings.tool_content

    def mode(self, action: str, ruled: Mode | None) -> Mode:
        """What is kept of a call of this action; a rule's own word holds instead of the profile's."""
        if ruled is not None:
            return ruled
        family = action.partition(".")[0]
        if family == "model":
            return self._ai
        return self._tool if family in _TOOLS else "full"

    def details(self, details: dict[str, Any], mode: Mode) -> dict[str, Any]:
        """What is known about a request beside its contents; a digest of it only where digests are kept."""
        found: dict[str, Any] = recordable(details)
        if mode == "off":
            found.pop("sha256", None)
        return found

    def put(self, body: dict[str, Any], name: str, value: dict[str, Any], *, mode: Mode, kept: Kept) -> None:
        """Set `body[name]` to what is kept of the value, and say what was masked."""
        masked: dict[str, int] = {}
        if mode == "redacted":
            shown, masked = redacted(recordable(value))
            mode, value = ("digest", value) if shown is None else (mode, shown)
        elif mode == "full":
            value = recordable(value)
        try:
            data = canonical(value)
        except UnicodeEncodeError:
            data = canonical(recordable(value))
        if masked:
            body["masked"] = {**body.get("masked", {}), name: masked}
        if mode == "off":
            body[name] = {"bytes": len(data)}
        elif mode == "digest" or len(data) > CONTENT_LIMIT:
            body[name] = {"sha256": digest(data), "bytes": len(data)}
        else:
            body[name] = value if len(data) <= INLINE_LIMIT else kept.add(data)
