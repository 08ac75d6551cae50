"""A reader's place in the record as text: what a client of the stream gives back to go on (`Last-Event-ID`)."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from app.core.canonical import canonical
from app.core.errors import InputError

MOST_BOOTS = 128
MOST_BYTES = 12 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Number = Annotated[int, Meta(ge=0, lt=2**62)]


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`seen`: microseconds since 1970 of the newest boot known; `boots`: the next number of each."""

    seen: Annotated[int, Meta(ge=0, lt=2**52)]
    boots: dict[UUID, _Number]


def render(seen: datetime, nexts: Mapping[UUID, int]) -> str:
    """One line of URL-safe text."""
    newest = dict(list(nexts.items())[-MOST_BOOTS:])
    micros = int((seen - _EPOCH) / timedelta(microseconds=1))
    data = canonical({"seen": micros, "boots": {boot.hex: number for boot, number in newest.items()}})
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def parse(text: str) -> tuple[datetime, dict[UUID, int]]:
    """The newest boot known and the next number of each; InputError for anything that we did not give out."""
    try:
        if len(text) > MOST_BYTES:
            raise ValueError
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        place = msgspec.json.decode(data, type=Place)
        if len(place.boots) > MOST_BOOTS:
            raise ValueError
        return _EPOCH + timedelta(microseconds=place.seen), place.boots
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise InputError(
            "The place to go on from is not one of this stream.",
            remedy="Send the `id` of the last event, or nothing to begin now.",
            code="invalid_place",
        ) from None
