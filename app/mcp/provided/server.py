"""A tool server inside this process: an upstream of the modern era around what a `ToolProvider` offers."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from app.core.clock import Clock
from app.core.errors import InputError, SallyportError
from app.core.passage import Passage
from app.extensions import ToolProvider
from app.mcp import results
from app.mcp.protocol import INTERNAL_ERROR, INVALID_PARAMS, ProtocolError
from app.mcp.protocol.envelope import LOG_LEVEL
from app.mcp.provided.answering import Answering
from app.mcp.provided.listeners import MOST_ADDRESSES, Listeners, Wishes
from app.mcp.provided.running import LEVELS, Asked
from app.mcp.upstream.ports import Caller, Description, Outgoing, Relay, Reply, Status, Upstream

MOST_SESSIONS = 10_000
_LEVEL_OF_OLD = "info"
"""What a session of the older era hears of before it says otherwise."""
_log = logging.getLogger(__name__)


class ProvidedServer:
    """One provider under its name."""

    def __init__(self, name: str, provider: ToolProvider, *, clock: Clock) -> None:
        self.name = name
        self.sessions = True
        self.changes = 0
        self._provider = provider
        self._clock = clock
        self._began = clock.monotonic()
        self._listeners = Listeners()
        self._answering = Answering(announce=self._announce)
        self._subscribed: OrderedDict[str, set[str]] = OrderedDict()

    def of(self, caller: Caller, method: str) -> "ProvidedServer":
        """Itself."""
        return self

    def place(self, caller: Caller) -> str:
        """All see the same."""
        return ""

    async def run(self) -> None:
        """Nothing goes on in the background."""
        await asyncio.Event().wait()

    def renew(self) -> None:
        """It is given no secrets."""

    def state(self) -> Status:
        """It is as well as this process."""
        return Status(state="ready", seconds=self._clock.monotonic() - self._began)

    async def forget(self, passage: Passage, caller: Caller) -> None:
        """The caller's session ended, and with it its subscriptions."""
        self._subscribed.pop(caller.session, None)

    async def listen(self, passage: Passage, caller: Caller) -> None:
        """Tell the stream of a session what changes."""
        if caller.line is not None:
            await self._listeners.stand(caller.line, self._addresses(caller))

    async def describe(self, passage: Passage, caller: Caller) -> Description:
        """From what it offers."""
        offer = self._provider.offer()
        shown: dict[str, Any] = {"logging": {}}
        shown |= {"tools": {"listChanged": True}} if offer.tools else {}
        shown |= {"prompts": {"listChanged": True}} if offer.prompts else {}
        if offer.resources or offer.templates:
            shown["resources"] = {"subscribe": True, "listChanged": True}
        shown |= {"completions": {}} if offer.complete is not None else {}
        info = {"name": self.name, "title": offer.title, "version": offer.version}
        return Description(capabilities=shown, info=info, instructions=offer.instructions)

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Answer one request; of what the provider raises only the log hears more than that it failed."""
        asked = Asked(
            passage=passage, caller=caller, outgoing=outgoing, relay=relay, loud=_loud(caller, outgoing)
        )
        try:
            value = await self._value(asked)
            cached = outgoing.method in results.CACHED
            return Reply(result=_raw(results.with_envelope(value, cached=cached)), era="modern")
        except ProtocolError as error:
            return _refusal(error.number, str(error), error.data)
        except InputError as error:
            return _refusal(INVALID_PARAMS, str(error), None)
        except SallyportError:
            raise
        except Exception:  # noqa: BLE001 - whatever a provider raises ends this call and no other
            trace = passage.trace.trace_id
            _log.exception("%s: %s failed (trace %s)", self.name, outgoing.method, trace)
            return _refusal(INTERNAL_ERROR, f"{self.name} failed at this.", {"trace_id": trace})

    async def _value(self, asked: Asked) -> dict[str, Any]:
        match asked.outgoing.method:
            case "subscriptions/listen":
                await self._listeners.listen(Wishes.read(asked.member("notifications")), asked.relay)
                return {}
            case "logging/setLevel":
                return _checked_level(asked)
            case "resources/subscribe":
                return self._subscribe(asked, on=True)
            case "resources/unsubscribe":
                return self._subscribe(asked, on=False)
            case _:
                return await self._answering.answer(self._provider.offer(), asked)

    def _subscribe(self, asked: Asked, *, on: bool) -> dict[str, Any]:
        addresses, address = self._addresses(asked.caller), str(asked.member("uri"))
        if not on:
            addresses.discard(address)
        elif len(addresses) < MOST_ADDRESSES:
            addresses.add(address)
        else:
            raise ProtocolError(f"A session subscribes to {MOST_ADDRESSES} at most.", number=INVALID_PARAMS)
        return {}

    def _addresses(self, caller: Caller) -> set[str]:
        """What a session subscribed to; of too many sessions the longest unused gives way."""
        addresses = self._subscribed.setdefault(caller.session, set())
        self._subscribed.move_to_end(caller.session)
        if len(self._subscribed) > MOST_SESSIONS:
            self._subscribed.popitem(last=False)
        return addresses

    def _announce(self, changed: str) -> None:
        self.changes += 1
        self._listeners.announce(changed)


def provided(providers: Mapping[str, ToolProvider], *, clock: Clock) -> dict[str, Upstream]:
    """Providers as upstreams, by name."""
    return {name: ProvidedServer(name, provider, clock=clock) for name, provider in providers.items()}


def _checked_level(asked: Asked) -> dict[str, Any]:
    """The door keeps it with the session, and puts it into each request from then on."""
    if asked.member("level") not in LEVELS:
        raise ProtocolError(f"params.level must be one of {', '.join(LEVELS)}.", number=INVALID_PARAMS)
    return {}


def _loud(caller: Caller, outgoing: Outgoing) -> str:
    level = outgoing.meta.get(LOG_LEVEL, _LEVEL_OF_OLD if caller.era == "old" else "")
    return str(msgspec.json.decode(level) if isinstance(level, Raw) else level)


def _refusal(number: int, message: str, data: Any) -> Reply:
    error: dict[str, Any] = {"code": number, "message": message}
    return Reply(error=_raw({**error, "data": data} if data is not None else error), era="modern")


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
