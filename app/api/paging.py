"""Pages of lists: the cursor names the last entry of the page before, sealed so that nobody builds upon its form."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from msgspec import Meta

from app.api.operation import Page, Query
from app.core.errors import InputError

T = TypeVar("T")
_MARK = b"\x01"


class PageQuery(Query, frozen=True, kw_only=True):
    """How much of a list, and where to go on."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="entries of one page")] = 100
    cursor: Annotated[str, Meta(max_length=512, description="`next` of the page before")] = ""


def seal(key: str) -> str:
    """A cursor for the entry with this key."""
    return base64.urlsafe_b64encode(_MARK + key.encode()).decode().rstrip("=")


def unseal(cursor: str) -> str:
    """The key in a cursor, empty for the first page; InputError for anything that we did not give out."""
    if not cursor:
        return ""
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if data[:1] != _MARK:
            raise ValueError
        return data[1:].decode()
    except (ValueError, binascii.Error):
        raise InputError(
            "The cursor is not one of this API.",
            remedy="Take `next` of the page before.",
            code="invalid_cursor",
        ) from None


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], str]) -> Page[T]:
    """A page from rows of which one more than `limit` was asked for."""
    items = list(rows[:limit])
    return Page(items=items, next=seal(key(items[-1])) if len(rows) > limit and items else None)


def page_in_memory(rows: Sequence[T], query: PageQuery, key: Callable[[T], str]) -> Page[T]:
    """A page of a list that is short enough to be read whole; it goes on after the entry that the cursor names."""
    after = unseal(query.cursor)
    start = 0
    if after:
        start = next((index + 1 for index, row in enumerate(rows) if key(row) == after), len(rows))
    return page_of(rows[start:], query.limit, key)
