"""A tool program of the older era that serves one client, as such programs do: it asks, logs and announces at will.

`--modern` lets it speak 2026-07-28 only: it refuses `initialize`.
"""

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

LOCK = threading.Lock()
STATE: dict[str, Any] = {"level": "", "subscribed": [], "client": {}, "note": ""}
ANSWERS: dict[str, Any] = {}
ANSWERED = threading.Condition()
MODERN = "--modern" in sys.argv
PREFIX = "io.modelcontextprotocol/"
PROCESS = uuid4().hex
CANCELLED: list[Any] = []
TOOLS = ("ask", "both", "log", "touch", "about", "note", "steps", "change", "die")


def send(message: dict[str, Any]) -> None:
    with LOCK:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def text(value: object) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": value if isinstance(value, str) else json.dumps(value)}]}


def question(method: str, params: dict[str, Any]) -> Any:
    key = uuid4().hex
    send({"id": key, "method": method, "params": params})
    with ANSWERED:
        ANSWERED.wait_for(lambda: key in ANSWERS, timeout=60)
    return ANSWERS[key]


def asked(name: str, arguments: dict[str, Any], meta: dict[str, Any]) -> Any:
    """What came of questions; `then` tells how often it reports progress after the first answer."""
    message = {"message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}}
    if name == "both":
        with ThreadPoolExecutor() as threads:
            methods = ("elicitation/create", "roots/list")
            return dict(zip(methods, threads.map(lambda one: question(one, message), methods), strict=True))
    answers = [question(arguments.get("method", "elicitation/create"), message)]
    for step in range(int(arguments.get("then", 0))):
        params = {"progressToken": meta.get("progressToken"), "progress": step}
        send({"method": "notifications/progress", "params": params})
        time.sleep(0.05)
    answers += [question("elicitation/create", message) for _ in range(int(arguments.get("again", 0)))]
    return answers[0] if len(answers) == 1 else answers


def call(name: str, arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    if name in ("ask", "both"):
        return text(asked(name, arguments, meta))
    if name == "log":
        send({"method": "notifications/message", "params": {"level": "info", "data": arguments["text"]}})
    elif name == "touch":
        send({"method": "notifications/resources/updated", "params": {"uri": arguments["uri"]}})
    elif name == "change":
        send({"method": "notifications/tools/list_changed"})
    elif name == "note":
        STATE["note"] = arguments["text"]
    elif name == "steps":
        for step in range(int(arguments["steps"])):
            params = {"progressToken": meta.get("progressToken"), "progress": step}
            send({"method": "notifications/progress", "params": params})
            time.sleep(float(arguments["each"]))
    elif name == "die":
        os._exit(3)
    elif name == "about":
        facts = {"process": PROCESS, "home": os.environ.get("HOME"), "meta": meta, "cancelled": CANCELLED}
        return text({**STATE, **facts})
    return text("done")


def result_of(method: str, params: dict[str, Any]) -> dict[str, Any]:
    offers = {"tools": {"listChanged": True}, "resources": {"subscribe": True}, "logging": {}}
    info = {"name": "single", "version": "1"}
    if method == "initialize" and not MODERN:
        STATE["client"] = params.get("capabilities")
        return {"protocolVersion": params["protocolVersion"], "capabilities": offers, "serverInfo": info}
    if method == "server/discover" and MODERN:
        return {
            "supportedVersions": ["2026-07-28"],
            "capabilities": offers,
            "_meta": {PREFIX + "serverInfo": info},
        }
    if method == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}
    if method == "tools/call":
        return call(params["name"], params.get("arguments") or {}, params.get("_meta") or {})
    if method == "logging/setLevel" and not MODERN:
        STATE["level"] = params["level"]
    elif method == "resources/subscribe":
        STATE["subscribed"].append(params["uri"])
    elif method != "ping":
        raise LookupError(method)
    return {}


def answer(message: dict[str, Any]) -> None:
    try:
        result = result_of(message["method"], message.get("params") or {})
    except LookupError as error:
        send({"id": message["id"], "error": {"code": -32601, "message": f"unknown {error}"}})
        return
    send({"id": message["id"], "result": result})


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "method" not in message:
            with ANSWERED:
                ANSWERS[message["id"]] = message.get("result", message.get("error"))
                ANSWERED.notify_all()
        elif message["method"] == "notifications/cancelled":
            CANCELLED.append(message["params"]["requestId"])
        elif message["method"] == "subscriptions/listen":
            meta = {PREFIX + "subscriptionId": message["id"]}
            params = {"notifications": {}, "_meta": meta}
            send({"method": "notifications/subscriptions/acknowledged", "params": params})
        elif "id" in message:
            threading.Thread(target=answer, args=(message,), daemon=True).start()


if __name__ == "__main__":
    main()
