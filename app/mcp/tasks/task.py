"""A task as its client sees it, in the extension of 2026-07-28 and in the experiment of 2025-11-25. Pure."""

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from app.core.errors import UpstreamError
from app.mcp.protocol import Era

TaskStatus = Literal["working", "input_required", "completed", "failed", "cancelled"]
OVER: frozenset[TaskStatus] = frozenset({"completed", "failed", "cancelled"})
POLL_MS = 2000
"""How often a client is asked to look."""
LONGEST = timedelta(hours=24)
"""How long a task is kept at most, from its beginning."""
RELATED = "io.modelcontextprotocol/related-task"


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Times are UTC; `inputs`, `result` and `error` are JSON as it came."""

    id: str
    status: TaskStatus
    message: str = ""
    created: datetime
    updated: datetime
    expires: datetime
    poll_ms: int = POLL_MS
    inputs: Raw | None = None
    result: Raw | None = None
    error: Raw | None = None


class Told(msgspec.Struct, frozen=True):
    """The view of a task as a server of either era tells of it."""

    taskId: str  # noqa: N815 - the wire's name
    status: TaskStatus
    statusMessage: str = ""  # noqa: N815
    ttlMs: float | None = None  # noqa: N815
    ttl: float | None = None
    pollIntervalMs: float | None = None  # noqa: N815
    pollInterval: float | None = None  # noqa: N815
    inputRequests: Raw | UnsetType = UNSET  # noqa: N815
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET

    @property
    def lasts(self) -> timedelta:
        """How long the server keeps it, as far as we do."""
        ms = self.ttlMs if self.ttlMs is not None else self.ttl
        return LONGEST if ms is None or ms <= 0 else min(LONGEST, timedelta(milliseconds=ms))

    @property
    def poll_ms(self) -> int:
        """How often it wants to be asked: not more often than ten times a second, at least once a minute."""
        ms = self.pollIntervalMs if self.pollIntervalMs is not None else self.pollInterval
        return POLL_MS if ms is None else int(min(max(ms, 100), 60_000))


class _Older(msgspec.Struct):
    task: Told


def read(result: Raw, *, era: Era, begun: bool) -> Told:
    """A server's task; `begun` for the answer to the call itself. UpstreamError when it cannot be read."""
    try:
        if begun and era == "old":
            return msgspec.json.decode(result, type=_Older).task
        return msgspec.json.decode(result, type=Told)
    except msgspec.MsgspecError as error:
        raise UpstreamError(f"The tool server told of a task wrongly: {error}.", kind="protocol") from None


def begins(result: Raw, *, era: Era) -> bool:
    """Whether the answer to a call is a task."""
    members = msgspec.json.decode(result, type=dict[str, Raw])
    if era == "modern":
        return bytes(members.get("resultType", b"")) == b'"task"'
    return "task" in members and "content" not in members


def begun(task: Task, *, era: Era) -> dict[str, Any]:
    """The result of the call that began it."""
    if era == "modern":
        return {"resultType": "task", **_plain(task, "ttlMs", "pollIntervalMs")}
    return {"task": _plain(task, "ttl", "pollInterval")}


def shown(task: Task, *, era: Era) -> dict[str, Any]:
    """The result of tasks/get: in 2026-07-28 with what it came to."""
    if era == "old":
        return _plain(task, "ttl", "pollInterval")
    value: dict[str, Any] = {"resultType": "complete", **_plain(task, "ttlMs", "pollIntervalMs")}
    if task.status == "input_required":
        value["inputRequests"] = task.inputs if task.inputs is not None else {}
    if task.status == "completed":
        value["result"] = task.result if task.result is not None else {}
    if task.status == "failed":
        value["error"] = task.error if task.error is not None else {"code": -32603, "message": task.message}
    return value


def _plain(task: Task, ttl: str, poll: str) -> dict[str, Any]:
    value: dict[str, Any] = {
        "taskId": task.id,
        "status": task.status,
        "createdAt": _time(task.created),
        "lastUpdatedAt": _time(task.updated),
        ttl: int((task.expires - task.created).total_seconds() * 1000),
        poll: task.poll_ms,
    }
    return {**value, "statusMessage": task.message} if task.message else value


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
