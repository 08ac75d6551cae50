"""A tool server over stdio that gives away what it was given, in each form that programs write things in."""

import base64
import html
import json
import os
import sys
import urllib.parse
import uuid
from pathlib import Path

READ: dict[str, str] = {}
START = uuid.uuid4().hex
"""Of this start: in a namespace of its own every start has the same process number."""


def given() -> str:
    """From the variable, or from the descriptor whose number is in one; read once."""
    if "TOKEN" in os.environ:
        return os.environ["TOKEN"]
    number = os.environ.get("TOKEN_FD", "")
    if number and "value" not in READ:
        with os.fdopen(int(number), "rb") as file:
            READ["value"] = file.read().decode()
    return READ.get("value", "nothing")


FORMS = {
    "plain": lambda value: value,
    "json": json.dumps,
    "percent": lambda value: urllib.parse.quote(value, safe=""),
    "escaped": lambda value: "".join(f"%{byte:02x}" for byte in value.encode()),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "basic": lambda value: base64.b64encode(b"user:" + value.encode()).decode(),
    "url": lambda value: base64.urlsafe_b64encode(b"x" + value.encode()).decode(),
    "hex": lambda value: value.encode().hex(),
    "html": html.escape,
}


TOOLS = ("tell", "progress", "log", "start", "files", "nonsense")


def send(message: dict) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def text(value: str) -> dict:
    return {"content": [{"type": "text", "text": value}], "structuredContent": {"told": value}}


def call(name: str, arguments: dict, meta: dict) -> dict:
    if name == "tell":
        return text(FORMS[arguments["form"]](given()))
    if name == "progress":
        send(
            {
                "method": "notifications/progress",
                "params": {"progressToken": meta["progressToken"], "progress": 1, "message": given()},
            }
        )
        return text("done")
    if name == "log":
        sys.stderr.write(f"the token is {given()}\n")
        sys.stderr.flush()
        return text("logged")
    if name == "start":
        return text(START)
    if name == "files":
        return text(str(sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir())))
    raise RuntimeError(f"refused by {given()}")


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        params = message.get("params") or {}
        if message["method"] == "initialize":
            result = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": given(), "version": "1"},
                "instructions": f"Use {given()}.",
            }
        elif message["method"] == "tools/list":
            schema = {"type": "object"}
            result = {
                "tools": [{"name": name, "description": given(), "inputSchema": schema} for name in TOOLS]
            }
        elif message["method"] == "tools/call":
            try:
                result = call(params["name"], params.get("arguments") or {}, params.get("_meta") or {})
            except RuntimeError as error:
                send({"id": message["id"], "error": {"code": -32000, "message": str(error), "data": given()}})
                continue
        else:
            send({"id": message["id"], "error": {"code": -32601, "message": "unknown"}})
            continue
        send({"id": message["id"], "result": result})


if __name__ == "__main__":
    main()
