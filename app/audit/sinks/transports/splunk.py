"""Splunk's HTTP Event Collector, with indexer acknowledgement when the token offers it."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from uuid import uuid4

import msgspec

from app.audit.sinks.transports.client import Answer, Client
from app.config.secret import Secret
from app.core.canonical import canonical
from app.core.errors import DeliveryError

_EVENTS = "/services/collector/event"
_ACKS = "/services/collector/ack"
_POLL_SECONDS = 0.5
_UNINDEXED_SECONDS = 300.0
_REFUSED = frozenset({6, 12, 13, 15, 16})
"""Codes about the events themselves: bad format, empty or missing event, fields that cannot be indexed."""
_REMEDIES = {
    1: "The token is disabled: enable it in Splunk.",
    2: "Give the token in the profile.",
    3: "Give the token in the profile.",
    4: "Splunk does not know this token: correct it.",
    7: "The token may not write to this index: correct index, or the token.",
    9: "Splunk is busy; it is tried again.",
    14: "Indexer acknowledgement is off for this token: enable it, or set acknowledge: false.",
}


class SplunkTransport:
    """A channel of its own for each connection's life, as acknowledgements need one."""

    def __init__(self, *, client: Client, token: Secret, acknowledge: bool) -> None:
        self._client = client
        self._acknowledge = acknowledge
        self._channel = str(uuid4())
        self._headers = [
            ("authorization", f"Splunk {token.reveal()}"),
            ("content-type", "application/json"),
            ("x-splunk-request-channel", self._channel),
        ]
        self._waiting: deque[tuple[int, float]] = deque()
        self._indexed: set[int] = set()
        self._taken = 0

    @property
    def state(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    async def send(self, rows: Sequence[bytes]) -> None:
        """Post the events one after the other in one body."""
        answer = await self._client.post(_EVENTS, self._headers, b"\n".join(rows))
        members = self._accepted(answer)
        if not self._acknowledge:
            self._taken += 1
            return
        number = members.get("ackId")
        if not isinstance(number, int) or isinstance(number, bool):
            raise DeliveryError("Splunk gave no acknowledgement id.", remedy=_REMEDIES[14])
        self._waiting.append((number, asyncio.get_running_loop().time()))

    async def acknowledged(self, *, wait: bool) -> int:
        """Events that are indexed, or taken when acknowledgement is off; counted in the order of sending."""
        taken, self._taken = self._taken, 0
        while not taken and self._waiting:
            await self._ask()
            while self._waiting and self._waiting[0][0] in self._indexed:
                self._indexed.discard(self._waiting.popleft()[0])
                taken += 1
            if taken or not wait:
                break
            if asyncio.get_running_loop().time() - self._waiting[0][1] > _UNINDEXED_SECONDS:
                raise DeliveryError("Splunk has not indexed what it took; it is sent again.")
            await asyncio.sleep(_POLL_SECONDS)
        return taken

    async def probe(self, row: bytes) -> str:
        """Send the row and wait for it."""
        await self.send([row])
        await self.acknowledged(wait=True)
        return "Splunk indexed an event" if self._acknowledge else "Splunk took an event"

    async def aclose(self) -> None:
        """End the connection."""
        await self._client.aclose()

    async def _ask(self) -> None:
        body = canonical({"acks": [number for number, _ in self._waiting]})
        answer = await self._client.post(f"{_ACKS}?channel={self._channel}", self._headers, body)
        if answer.status != 200:
            raise self._failed(answer)
        try:
            acks = msgspec.json.decode(answer.body, type=_Acks).acks
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise DeliveryError(f"Splunk's acknowledgements cannot be read{answer.said}.") from None
        asked = {number for number, _ in self._waiting}
        self._indexed |= {int(name) for name, done in acks.items() if done and name.isdecimal()} & asked

    def _accepted(self, answer: Answer) -> dict[str, object]:
        members = answer.members
        if answer.status != 200 or members.get("code") != 0:
            raise self._failed(answer)
        return members

    def _failed(self, answer: Answer) -> DeliveryError:
        code = answer.members.get("code")
        number = code if isinstance(code, int) else -1
        return DeliveryError(
            f"Splunk answered {answer.status}{answer.said}.",
            remedy=_REMEDIES.get(number, ""),
            refused=answer.status == 413 or (answer.status == 400 and number in _REFUSED),
            retry_after=answer.retry_after,
        )


class _Acks(msgspec.Struct, frozen=True):
    acks: dict[str, bool]
