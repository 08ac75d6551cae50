"""A look at a provider: GET of its list of models, by hand or by the clock, each a governed call."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from app.admission import Admission
from app.api.models import ProviderLook
from app.core.call import Resource
from app.core.errors import EgressError, NotFoundError, UpstreamError
from app.core.passage import Passage
from app.gateway.dialects import Sent
from app.gateway.models import Models, Target
from app.server.first_run import host_call

PATHS: Mapping[str, str] = {
    "openai": "/models",
    "anthropic": "/v1/models?limit=1000",
    "gemini": "/v1beta/models?pageSize=1000",
}
"""Bedrock lists its models on another host, which a profile does not name."""
LIST_LIMIT = 4 * 1024 * 1024
SECONDS = 8.0


class Looking:
    """Looks, and lets the standing of the provider's models hear of it."""

    def __init__(self, models: Models, *, admission: Admission) -> None:
        self._models = models
        self._admission = admission
        self._looked: dict[str, float] = {}

    async def look(self, passage: Passage, provider: str) -> ProviderLook:
        """NotFoundError when there is no such provider; whatever it answers or does not is a result."""
        if provider not in self._models.book.providers:
            raise NotFoundError(f"There is no provider {provider!r}.", remedy="See `sallyport models list`.")
        targets = [target for target in self._models if target.provider == provider]
        path = PATHS.get(targets[0].dialects[0].name) if targets else None
        if path is None:
            why = "it has no list that could be asked for" if targets else "no model goes there"
            return ProviderLook(name=provider, ok=True, found=why, milliseconds=0)
        clock = self._admission.clock
        started = clock.monotonic()
        status, said = await self._asked(passage, targets[0], path)
        ok = 200 <= status < 300
        now = clock.monotonic()
        for target in targets:
            if ok and target.standing.state != "closed":
                target.standing.seen_well(now)
            elif status == 0 or status >= 500:
                target.standing.seen_ill(now, said)
        listed = _ids(said) if ok else None
        wanted = sorted({target.upstream_model for target in targets if not target.any_name})
        return ProviderLook(
            name=provider,
            ok=ok,
            found=_in_words(status, said, listed),
            milliseconds=int((now - started) * 1000),
            missing=[name for name in wanted if name not in listed] if listed is not None else [],
        )

    async def due(self) -> None:
        """Look at the providers whose time has come, side by side."""
        now = self._admission.clock.monotonic()
        async with asyncio.TaskGroup() as group:
            for name, provider in self._models.book.providers.items():
                every = provider.health.probe
                if every and now - self._looked.get(name, -every) >= every:
                    self._looked[name] = now
                    group.create_task(self._step(name))

    async def _step(self, provider: str) -> None:
        call = host_call("admin.provider.test", Resource("provider", provider))
        async with self._admission.admit(call) as passage:
            seen = await self.look(passage, provider)
            passage.note(
                result=msgspec.to_builtins(seen), status="ok" if seen.ok else "error", error=seen.found
            )

    async def _asked(self, passage: Passage, target: Target, path: str) -> tuple[int, str]:
        """Status and body; 0 and the reason when there was no answer."""
        try:
            own = target.dialects[0].headers
            sent = Sent(authority=target.upstream.origin.authority, path=path, headers=own, body=b"")
            headers = [*own, *self._models.credential(passage, target, sent)]
            async with asyncio.timeout(SECONDS):
                async with await target.upstream.request(passage, "GET", path, headers) as reply:
                    return reply.status, (await reply.read(LIST_LIMIT)).decode("utf-8", "replace")
        except TimeoutError:
            return 0, f"it did not answer in {SECONDS:g} seconds"
        except (UpstreamError, EgressError) as error:
            return 0, str(error)


def _ids(said: str) -> set[str] | None:
    """The names in a list of models; None when it is none."""
    try:
        listed = msgspec.json.decode(said, type=dict[str, Any])
    except msgspec.MsgspecError:
        return None
    data = listed.get("data", listed.get("models"))
    if not isinstance(data, list):
        return None
    return {
        str(entry.get("id") or entry.get("name")).removeprefix("models/")
        for entry in data
        if isinstance(entry, dict)
    }


def _in_words(status: int, said: str, listed: set[str] | None) -> str:
    if status == 0:
        return said[:300]
    if status in (401, 403):
        return f"it refuses the key ({status})"
    if listed is not None:
        return f"it lists {len(listed)} models"
    return f"it answered {status}" + ("" if not 200 <= status < 300 else ", which is no list of models")
