"""How an attempt failed before anything was answered, and what the client gets when no other attempt follows."""

from datetime import datetime

import msgspec

from app.core.errors import UpstreamError
from app.gateway.routing import Ended, told_to_wait
from app.gateway.routing.retry import said_to_retry


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's own error, as the client gets it."""

    status: int
    headers: dict[str, str]
    body: bytes


class AnsweredError(UpstreamError):
    """The provider answered with an error: `there` is its status, 200 for an error as the first event of a stream."""

    def __init__(
        self,
        message: str,
        *,
        there: int,
        headers: list[tuple[str, str]],
        answer: Answer | None = None,
        kind: str = "status",
    ) -> None:
        super().__init__(message, kind=kind)
        self.there = there
        self.headers = headers
        self.answer = answer


def ended(error: UpstreamError, *, now: datetime) -> Ended:
    """What the rules of retrying look at."""
    if not isinstance(error, AnsweredError):
        return Ended(kind=error.kind)
    return Ended(
        kind=error.kind,
        status=error.there if error.kind == "status" else 0,
        wait=told_to_wait(error.headers, now=now),
        retry=said_to_retry(error.headers),
    )


def in_words(error: UpstreamError) -> str:
    """For the record's list of attempts."""
    if isinstance(error, AnsweredError) and error.kind == "status":
        return f"status {error.there}"
    return {"event": "error event"}.get(error.kind, error.kind)
