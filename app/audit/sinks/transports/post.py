"""Plain HTTP: a JSON array, lines, or Elasticsearch's bulk body; for Datadog, Logstash, Elastic and their like."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from app.audit.sinks.transports.client import Answer, Client, Headers
from app.core.errors import DeliveryError

_REFUSED = frozenset({400, 413, 422})
_BAD = frozenset({"error", "failed", "failure", "rejected"})
_DUPLICATE = 409


class PostTransport:
    """A 2xx counts unless its body says otherwise; redirects are never followed."""

    def __init__(
        self,
        *,
        client: Client,
        target: str,
        headers: Headers,
        layout: Literal["array", "lines", "bulk"],
        text: bool,
    ) -> None:
        self._client = client
        self._target = target
        self._layout = layout
        kind = "text/plain; charset=utf-8" if text else "application/json"
        if layout != "array":
            kind = "application/x-ndjson"
        named = {name.lower() for name, _ in headers}
        self._headers = [*headers, *([] if "content-type" in named else [("content-type", kind)])]
        self._text = text
        self._taken = 0

    @property
    def state(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    async def send(self, rows: Sequence[bytes]) -> None:
        """Post the rows in one body."""
        if self._layout == "array" and not self._text:
            body = b"[" + b",".join(rows) + b"]"
        else:
            body = b"".join(row + b"\n" for row in rows)
        _judge(await self._client.post(self._target, self._headers, body), bulk=self._layout == "bulk")
        self._taken += 1

    async def acknowledged(self, *, wait: bool) -> int:
        """The answer was the acknowledgement."""
        taken, self._taken = self._taken, 0
        return taken

    async def probe(self, row: bytes) -> str:
        """Post the row."""
        await self.send([row])
        return f"{self._client.origin.authority} took a row"

    async def aclose(self) -> None:
        """End the connection."""
        await self._client.aclose()


def _judge(answer: Answer, *, bulk: bool) -> None:
    """Raise unless the rows were taken: by status, and by a body that contradicts it."""
    if not 200 <= answer.status < 300:
        raise DeliveryError(
            f"The sink answered {answer.status}{answer.said}.",
            remedy="Check the token and headers." if answer.status in (401, 403) else "",
            refused=answer.status in _REFUSED,
            retry_after=answer.retry_after,
        )
    members = answer.members
    if bulk:
        _judge_items(answer)
    elif members.get("errors") or members.get("error") or members.get("status") in _BAD:
        raise DeliveryError(f"The sink answered {answer.status}, but with an error{answer.said}.")


def _judge_items(answer: Answer) -> None:
    """Each document's own status; one that is there already is a duplicate, as it should be."""
    try:
        items = msgspec.json.decode(answer.body, type=_Bulk).items
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise DeliveryError(f"The answer to a bulk request cannot be read{answer.said}.") from None
    bad = [
        outcome.status
        for item in items
        for outcome in item.values()
        if not 200 <= outcome.status < 300 and outcome.status != _DUPLICATE
    ]
    if bad:
        raise DeliveryError(
            f"{len(bad)} of {len(items)} documents were not taken, the first with status {bad[0]}.",
            refused=all(status in _REFUSED for status in bad),
        )


class _Outcome(msgspec.Struct, frozen=True):
    status: int


class _Bulk(msgspec.Struct, frozen=True):
    items: list[dict[str, _Outcome]]
