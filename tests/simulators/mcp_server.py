"""A tool server over stdio that misbehaves on request; `--old` knows `initialize` only, `--deaf` never answers it.

`--exit` ends at once, `--stubborn` stays when its input closes and when it is told to end.
`--log FILE` remembers the trace of each tool call that arrived, a line each.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

LOCK = threading.Lock()
CANCELLED: list[Any] = []
OLD = "--old" in sys.argv
PREFIX = "io.modelcontextprotocol/"


def send(message: dict[str, Any]) -> None:
    with LOCK:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def text(value: object) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": value if isinstance(value, str) else json.dumps(value)}]}


def sleep(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    time.sleep(float(arguments.get("seconds", 60)))
    return text("slept")


def progress(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    for step in range(int(arguments.get("steps", 3))):
        params = {"progressToken": meta.get("progressToken"), "progress": step}
        send({"method": "notifications/progress", "params": params})
    time.sleep(float(arguments.get("then", 0)))
    return text("done")


def die(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    sys.stderr.write("told to die\n")
    sys.stderr.flush()
    os._exit(3)


def flood(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    return text("x" * int(arguments["bytes"]))


def garbage(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    with LOCK:
        sys.stdout.write("Listening on nothing\n\n[1,2\n{}\n")
    return text("after garbage")


def where(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    files = sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    facts = {
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "group": os.getpgid(0),
        "session": os.getsid(0),
    }
    return text({**facts, "pid": os.getpid(), "files": files})


def spawn(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    child = subprocess.Popen(["sleep", "300"])
    return text({"pid": child.pid})


def ask(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    send({"id": "mine", "method": "sampling/createMessage", "params": {}})
    return text("asked")


def leak(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    """In many processes, each of which stays below its own limit."""
    for _ in range(int(arguments["processes"])):
        if not os.fork():
            held = bytearray(int(arguments["mb"]) * 1024 * 1024)
            held[::4096] = b"x" * len(held[::4096])
            time.sleep(300)
    return text("leaking")


def forks(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    made = 0
    while made < 5000:
        try:
            if not os.fork():
                time.sleep(300)
                os._exit(0)
        except OSError:
            break
        made += 1
    return text({"made": made})


def noise(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    stream = sys.stderr if arguments["where"] == "stderr" else sys.stdout
    until = time.monotonic() + float(arguments["seconds"])
    while time.monotonic() < until:
        stream.write('{"jsonrpc": "2.0", "method": "notifications/message", "params": {}}\n' * 1000)
    return text("quiet again")


def mute(arguments: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    """Its input is closed; the process lives on."""
    os.close(0)
    time.sleep(300)
    return text("never")


TOOLS = {
    "echo": lambda arguments, meta: text({"arguments": arguments, "meta": meta}),
    "cancelled": lambda arguments, meta: text(CANCELLED),
    **{
        tool.__name__: tool
        for tool in (sleep, progress, die, flood, garbage, where, spawn, ask, leak, forks, noise, mute)
    },
}


def result_of(method: str, params: dict[str, Any]) -> dict[str, Any]:
    meta = params.get("_meta") or {}
    if method == "initialize":
        return {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "sim", "version": "1"},
        }
    if method == "server/discover" and not OLD:
        info = {PREFIX + "serverInfo": {"name": "sim", "version": "1"}}
        return {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "_meta": info}
    if method == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]}
    if method == "tools/call":
        if "--log" in sys.argv:
            with Path(sys.argv[sys.argv.index("--log") + 1]).open("a", encoding="ascii") as log:
                log.write(str(meta.get("traceparent")) + "\n")
        return TOOLS[params["name"]](params.get("arguments") or {}, meta)
    raise LookupError(method)


def answer(message: dict[str, Any]) -> None:
    try:
        result = result_of(message["method"], message.get("params") or {})
    except LookupError as error:
        send({"id": message["id"], "error": {"code": -32601, "message": f"unknown {error}"}})
        return
    send({"id": message["id"], "result": result})


def main() -> None:
    sys.stderr.write("simulator up\n")
    if "--exit" in sys.argv:
        sys.exit(3)
    if "--stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for line in sys.stdin:
        message = json.loads(line)
        if "--deaf" in sys.argv or "method" not in message:
            continue
        if message["method"] == "notifications/cancelled":
            CANCELLED.append(message["params"]["requestId"])
        elif "id" in message:
            threading.Thread(target=answer, args=(message,), daemon=True).start()
    if "--stubborn" in sys.argv:
        time.sleep(300)


if __name__ == "__main__":
    main()
