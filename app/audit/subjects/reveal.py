"""Rows of the record as people may read them: boxes opened, or said to be erased."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.audit.event import Event
from app.audit.subjects.box import content_subject, open_content, open_values
from app.audit.subjects.persons import Persons, Subject
from app.core.errors import NotFoundError

ERASED = "erased"
SEALED = "sealed"
"""Stands where a box cannot be opened here although nobody destroyed its key."""
_PARTS = {"sealed": "subject", "sealed_resource": "resource_subject"}
_COLUMNS = ("actor", "address", "resource")


class Reveal:
    """Opens what may be opened. Every reader of rows goes through this."""

    def __init__(self, persons: Persons) -> None:
        self._persons = persons

    async def events(self, events: Sequence[Event]) -> list[Event]:
        """The rows with the values of persons in their places; `body.erased` is true where a key was destroyed."""
        wanted = {UUID(name) for event in events for name in (event.subject, event.resource_subject) if name}
        opened = await self._persons.opened(wanted)
        return [
            _revealed(event, opened) if event.subject or event.resource_subject else event for event in events
        ]

    async def content(self, data: bytes) -> bytes:
        """A content from beside the entries; NotFoundError when it was erased or cannot be opened here."""
        owner = content_subject(data)
        if owner is None:
            return data
        subject = UUID(bytes=owner)
        opened = await self._persons.opened([subject])
        if subject in opened and opened[subject] is None:
            raise NotFoundError(
                "This content was erased.", remedy="Nobody can read it again; the record says when."
            )
        key = opened.get(subject)
        clear = open_content(key.key, data) if key is not None else None
        if clear is None:
            raise NotFoundError(
                "This content is sealed, and this node cannot open it.", remedy="Check keys/record/subjects."
            )
        return clear


def _revealed(event: Event, opened: dict[UUID, Subject | None]) -> Event:
    body: dict[str, Any] = {name: value for name, value in event.body.items() if name not in _PARTS}
    columns: dict[str, str] = {}
    for part, member in _PARTS.items():
        subject = getattr(event, member)
        if not subject:
            continue
        name = "actor" if part == "sealed" else "resource"
        values = _values(event, part, opened.get(UUID(subject)))
        if values is not None:
            columns |= {key: str(values.pop(key)) for key in _COLUMNS if key in values}
            body = _merged(body, values)
        elif UUID(subject) in opened and opened[UUID(subject)] is None:
            columns[name] = ERASED
            body["erased"] = True
        elif (person := opened.get(UUID(subject))) is None or part in event.body:
            columns[name] = SEALED
            body["sealed"] = True
        elif event.kind in ("intent", "denial"):
            columns[name] = person.name  # its body did not fit or could not be stored
    return msgspec.structs.replace(event, body=body, **columns)


def _values(event: Event, part: str, subject: Subject | None) -> dict[str, Any] | None:
    box = event.body.get(part)
    if subject is None or not isinstance(box, str):
        return None
    return open_values(subject.key, box, row=event.id, part=part)


def _merged(body: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Members of the box beside those in clear; what both have in parts is joined."""
    joined = dict(body)
    for name, value in values.items():
        old = joined.get(name)
        joined[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return joined
