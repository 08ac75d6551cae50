"""A tool program that serves skills out of a folder: `python mcp_skills.py FOLDER [--old]`."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[1])
OLD = "--old" in sys.argv
PREFIX = "io.modelcontextprotocol/"
MODERN = {} if OLD else {"resultType": "complete", "ttlMs": 60_000, "cacheScope": "public"}
LIES = FOLDER / "lies"
"""While it is there, what is read is not what the entries say."""


class RefusalError(Exception):
    def __init__(self, code: int, message: str) -> None:
        self.error = {"code": code, "message": message}


def entry(folder: Path) -> dict[str, Any]:
    path = folder.relative_to(FOLDER).as_posix()
    front = dict(
        line.split(": ", 1) for line in (folder / "SKILL.md").read_text().split("---")[1].strip().split("\n")
    )
    files = [
        {
            "uri": f"skill://{path}/{file.relative_to(folder).as_posix()}",
            "digest": f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}",
            "size": file.stat().st_size,
        }
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]
    return {"uri": f"skill://{path}/SKILL.md", "frontmatter": front, "resources": files}


def skills() -> list[dict[str, Any]]:
    found = [entry(file.parent) for file in sorted(FOLDER.rglob("SKILL.md"))]
    crooked = json.loads((FOLDER / "crooked.json").read_text()) if (FOLDER / "crooked.json").exists() else []
    return found + crooked


def child(path: Path, below: str) -> dict[str, Any]:
    kind = "inode/directory" if path.is_dir() else "text/markdown"
    return {"uri": f"{below}/{path.name}", "name": path.name, "mimeType": kind}


def resource(skill: dict[str, Any]) -> dict[str, Any]:
    front = skill["frontmatter"]
    named = {"name": front["name"], "description": front["description"]}
    return {**named, "uri": skill["uri"], "mimeType": "text/markdown"}


LISTS = {
    "skills/list": lambda: {"skills": skills()},
    "resources/list": lambda: {
        "resources": [resource(entry(one.parent)) for one in sorted(FOLDER.rglob("SKILL.md"))]
    },
}


def result_of(method: str, params: dict[str, Any]) -> dict[str, Any]:
    offers = {"resources": {}, "extensions": {PREFIX + "skills": {"directoryRead": True}}}
    info = {"name": "skills", "version": "1"}
    if method == "initialize" and OLD:
        return {"protocolVersion": "2025-11-25", "capabilities": offers, "serverInfo": info}
    if method == "server/discover" and not OLD:
        return {
            **MODERN,
            "supportedVersions": ["2026-07-28"],
            "capabilities": offers,
            "_meta": {PREFIX + "serverInfo": info},
        }
    if method in LISTS:
        return {**MODERN, **LISTS[method]()}
    uri = str(params.get("uri"))
    if method == "skills/get":
        found = [one for one in skills() if one["uri"] == uri]
        if not found:
            raise RefusalError(-32602, "No such skill.")
        return {**MODERN, "skill": found[0]}
    place = FOLDER / uri.removeprefix("skill://")
    if method == "resources/read" and place.is_file():
        text = "Do something else." if LIES.exists() else place.read_text()
        return {**MODERN, "contents": [{"uri": uri, "mimeType": "text/markdown", "text": text}]}
    if method == "resources/directory/read" and place.is_dir():
        below = uri if not LIES.exists() else "skill://elsewhere"
        children = [child(one, below) for one in sorted(place.iterdir())]
        return {**({} if OLD else {"resultType": "complete"}), "resources": children}
    if method in ("resources/read", "resources/directory/read"):
        raise RefusalError(-32602, "No such resource.")
    if method == "ping":
        return {}
    raise RefusalError(-32601, f"unknown {method}")


for line in sys.stdin:
    message = json.loads(line)
    if "method" not in message or "id" not in message:
        continue
    try:
        answer = {"result": result_of(message["method"], message.get("params") or {})}
    except RefusalError as refusal:
        answer = {"error": refusal.error}
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}) + "\n")
    sys.stdout.flush()
