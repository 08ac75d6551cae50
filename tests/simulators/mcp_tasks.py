"""A tool program whose calls become tasks: of 2026-07-28, or with `--old` of the experiment of 2025-11-25."""

import json
import sys
import threading
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

LOCK = threading.Lock()
CHANGED = threading.Condition()
TASKS: dict[str, dict[str, Any]] = {}
OLD = "--old" in sys.argv
PREFIX = "io.modelcontextprotocol/"
EXTENSION = PREFIX + "tasks"
LATER = (
    "slow_compute",
    "failing_job",
    "protocol_error_job",
    "confirm_delete",
    "multi_input",
    "test_tool_with_task",
)
QUESTION = {
    "mode": "form",
    "message": "Sure?",
    "requestedSchema": {"type": "object", "properties": {"confirm": {"type": "boolean"}}},
}
OVER = ("completed", "failed", "cancelled")


class RefusalError(Exception):
    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.error = {"code": code, "message": message, **({"data": data} if data else {})}


def send(message: dict[str, Any]) -> None:
    with LOCK:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def text(value: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": value}], **more}


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def move(task: dict[str, Any], status: str, **more: Any) -> None:
    with CHANGED:
        if task["status"] not in OVER:
            task.update(status=status, lastUpdatedAt=now(), **more)
        CHANGED.notify_all()


def run(task: dict[str, Any], name: str, arguments: dict[str, Any]) -> None:
    seconds = float(arguments.get("seconds", 0.3 if name in ("failing_job", "protocol_error_job") else 0))
    with CHANGED:
        CHANGED.wait_for(lambda: task["status"] in OVER, timeout=seconds)
    if name == "failing_job":
        move(task, "completed", result=text("it failed", isError=True))
    elif name == "protocol_error_job":
        move(task, "failed", error={"code": -32603, "message": "it panicked"}, statusMessage="it panicked")
    elif name in ("confirm_delete", "multi_input"):
        keys = ["one"] if name == "confirm_delete" else ["one", "two"]
        asked = {key: {"method": "elicitation/create", "params": QUESTION} for key in keys}
        move(task, "input_required", inputRequests=asked)
        with CHANGED:
            CHANGED.wait_for(lambda: not task["inputRequests"] or task["status"] in OVER)
        move(task, "completed", result=text("deleted"))
    else:
        move(
            task,
            "completed",
            result=text(f"done {arguments.get('label', arguments.get('name', ''))}".strip()),
        )


def begin(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    task: dict[str, Any] = {
        "taskId": uuid4().hex,
        "status": "working",
        "createdAt": now(),
        "lastUpdatedAt": now(),
        "ttl" if OLD else "ttlMs": 60_000,
        "pollInterval" if OLD else "pollIntervalMs": 100,
    }
    TASKS[task["taskId"]] = task
    shown = dict(task)
    threading.Thread(target=run, args=(task, name, arguments), daemon=True).start()
    return {"task": shown} if OLD else {"resultType": "task", **shown}


def follows(meta: dict[str, Any]) -> bool:
    return EXTENSION in (meta.get(PREFIX + "clientCapabilities") or {}).get("extensions", {})


def call(params: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    name, arguments = params["name"], params.get("arguments") or {}
    if name == "greet":
        return text(f"Hello, {arguments.get('name')}!")
    may = "task" in params if OLD else follows(meta)
    if name == "test_tool_with_task" and "inputResponses" not in params and not OLD and may:
        asked = {"user_name": {"method": "elicitation/create", "params": QUESTION}}
        return {"resultType": "input_required", "inputRequests": asked, "requestState": "round-1"}
    if name == "test_tool_with_task" and not OLD and may:
        return begin(name, params["inputResponses"]["user_name"].get("content") or {})
    if may:
        return begin(name, arguments)
    if name == "slow_compute" and not OLD:
        return text("done at once")
    if OLD:
        raise RefusalError(-32601, "This tool is a task only.")
    raise RefusalError(
        -32021, "Missing client capability", {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
    )


def about_task(method: str, params: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    if not OLD and not follows(meta):
        raise RefusalError(
            -32021, "Missing client capability", {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
        )
    task = TASKS.get(str(params.get("taskId")))
    if task is None:
        raise RefusalError(-32602, "There is no such task.")
    if method == "tasks/update":
        with CHANGED:
            left = {
                key: one for key, one in task["inputRequests"].items() if key not in params["inputResponses"]
            }
            task["inputRequests"] = left
            CHANGED.notify_all()
        return {"resultType": "complete"}
    if method == "tasks/cancel":
        move(task, "cancelled")
    if method == "tasks/result":
        with CHANGED:
            CHANGED.wait_for(lambda: task["status"] in OVER)
        if "result" not in task:
            raise RefusalError(-32603, task["status"])
        return task["result"]
    if method == "tasks/cancel" and not OLD:
        return {"resultType": "complete"}
    if OLD:
        return {key: value for key, value in task.items() if key not in ("result", "error", "inputRequests")}
    return {"resultType": "complete", **{key: value for key, value in task.items() if value != {}}}


def result_of(method: str, params: dict[str, Any]) -> dict[str, Any]:
    meta = params.get("_meta") or {}
    info = {"name": "tasks", "version": "1"}
    if method == "initialize" and OLD:
        offers = {"tools": {}, "tasks": {"cancel": {}, "requests": {"tools": {"call": {}}}}}
        return {"protocolVersion": "2025-11-25", "capabilities": offers, "serverInfo": info}
    if method == "server/discover" and not OLD:
        offers = {"tools": {}, "extensions": {EXTENSION: {}}}
        return {
            "resultType": "complete",
            "supportedVersions": ["2026-07-28"],
            "capabilities": offers,
            "_meta": {PREFIX + "serverInfo": info},
        }
    if method == "tools/list":
        tools = [{"name": name, "inputSchema": {"type": "object"}} for name in ("greet", *LATER)]
        return {
            "tools": tools,
            **({} if OLD else {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}),
        }
    if method == "tools/call":
        return {**({} if OLD else {"resultType": "complete"}), **call(params, meta)}
    if method.startswith("tasks/") and (OLD or method not in ("tasks/result", "tasks/list")):
        return about_task(method, params, meta)
    if method == "ping":
        return {}
    raise RefusalError(-32601, f"unknown {method}")


def answer(message: dict[str, Any]) -> None:
    try:
        send({"id": message["id"], "result": result_of(message["method"], message.get("params") or {})})
    except RefusalError as refusal:
        send({"id": message["id"], "error": refusal.error})


for line in sys.stdin:
    received = json.loads(line)
    if "method" in received and "id" in received:
        threading.Thread(target=answer, args=(received,), daemon=True).start()
