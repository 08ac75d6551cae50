"""`/api/v1/sinks`: list, show, pause, resume, replay, forget."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from app.api.operation import Asked, Body, Operation, Page
from app.api.paging import PageQuery, page_in_memory
from app.audit.sinks import Sinks, SinkStatus


class Replay(Body, frozen=True, kw_only=True):
    """Since when everything is sent again."""

    since: Annotated[datetime, Meta(tz=True, description="RFC 3339 time with its zone")]


class _Forwarding:
    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks

    async def all(self, asked: Asked) -> Page[SinkStatus]:
        return page_in_memory(await self._sinks.statuses(), asked.query, lambda status: status.name)

    async def show(self, asked: Asked) -> SinkStatus:
        return await self._sinks.status(asked.params["name"])

    async def pause(self, asked: Asked) -> SinkStatus:
        await self._sinks.pause(asked.passage, asked.params["name"])
        return await self.show(asked)

    async def resume(self, asked: Asked) -> SinkStatus:
        await self._sinks.resume(asked.passage, asked.params["name"])
        return await self.show(asked)

    async def replay(self, asked: Asked) -> SinkStatus:
        await self._sinks.replay(asked.passage, asked.params["name"], asked.body.since)
        return await self.show(asked)

    async def forget(self, asked: Asked) -> None:
        await self._sinks.forget(asked.passage, asked.params["name"])


def operations(sinks: Sinks) -> list[Operation]:
    """The table of this subject."""
    does = _Forwarding(sinks)
    return [
        Operation(
            id="listSinks", method="GET", path="/api/v1/sinks", summary="List sinks and how they stand",
            action="admin.sink.list", kind="sink", about="*", run=does.all, query=PageQuery, answer=Page[SinkStatus],
        ),
        Operation(
            id="showSink", method="GET", path="/api/v1/sinks/{name}", summary="Show how a sink stands",
            action="admin.sink.show", kind="sink", about="{name}", run=does.show, answer=SinkStatus,
        ),
        Operation(
            id="pauseSink", method="POST", path="/api/v1/sinks/{name}/pause", summary="Stop forwarding to a sink",
            action="admin.sink.pause", kind="sink", about="{name}", run=does.pause, answer=SinkStatus,
        ),
        Operation(
            id="resumeSink", method="POST", path="/api/v1/sinks/{name}/resume", summary="Go on forwarding to a sink",
            action="admin.sink.resume", kind="sink", about="{name}", run=does.resume, answer=SinkStatus,
        ),
        Operation(
            id="replaySink", method="POST", path="/api/v1/sinks/{name}/replay",
            summary="Send a sink again what happened since", action="admin.sink.replay", kind="sink", about="{name}",
            run=does.replay, body=Replay, answer=SinkStatus,
        ),
        Operation(
            id="forgetSink", method="DELETE", path="/api/v1/sinks/{name}",
            summary="Forget where a sink stood", action="admin.sink.forget", kind="sink", about="{name}",
            run=does.forget,
        ),
    ]  # fmt: skip
