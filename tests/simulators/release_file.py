"""A stand-in for the one file: it unpacks, checks itself, serves `/readyz`, backs up and restores, as data says.

A file is this module's text with a first line that names the interpreter and its behaviour in the last line. Like the
real one it serves from a program inside `rt/`, so that it can be seen which release serves.
"""

import fcntl
import http.server
import json
import os
import re
import shutil
import signal
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

BEHAVIOUR: dict[str, Any] = {"version": "0", "schema": 1, "ready": True, "selftest": 0, "starts": True}


def write_release(path: Path, **behaviour: Any) -> Path:
    """Write such a file."""
    text = Path(__file__).read_text(encoding="utf-8")
    ending = f"\nBEHAVIOUR.update({behaviour!r})\nif __name__ == '__main__':\n    main(sys.argv[1:])\n"
    path.write_text(f"#!{sys.executable}\n{text}{ending}", encoding="utf-8")
    path.chmod(0o755)
    return path


def main(words: list[str]) -> None:
    """What the command line of the real one does, as far as updates go."""
    options = dict(pairwise(words))
    data = Path(options.get("--data", "/nonexistent"))
    if words[:1] == ["selftest"]:
        unpack(Path(os.environ["SALLYPORT_RUNTIME_DIR"]))
        sys.exit(BEHAVIOUR["selftest"])
    if words[:1] == ["serve"]:
        program = Path(__file__).resolve().parent / "rt" / "program"
        if Path("/proc/self/exe").resolve() != program:
            os.execve(
                program, ["sallyport", str(Path(__file__).resolve()), *words], {"PYTHONHOME": sys.base_prefix}
            )
        serve(data)
    if words[:1] == ["backup"]:
        if BEHAVIOUR.get("backup") == "fails":
            sys.exit("no room for a backup")
        shutil.copy(data / "site.json", options["--output"])
    if words[:1] == ["restore"] and "--check" in words:
        print(json.dumps({"origin": "site.example/audit"}))  # noqa: T201 - as the real one does
    elif words[:1] == ["restore"]:
        if options["--replace"] != "site.example/audit" or not options["--reason"]:
            sys.exit("of another site")
        shutil.copy(words[1], data / "site.json")


def unpack(runtime: Path) -> None:
    """As the launcher does: a tree beside the file."""
    runtime.mkdir(exist_ok=True)
    shutil.copy(Path(sys.executable).resolve(), runtime / "program")
    (runtime / "program").chmod(0o755)


def serve(data: Path) -> None:
    """Bring the schema up to date, hold the lock, answer."""
    site = json.loads((data / "site.json").read_text())
    if site["schema"] > BEHAVIOUR["schema"]:
        sys.exit("the database is newer than this file")
    lock = (data / "serve.lock").open("ab")
    fcntl.flock(lock, fcntl.LOCK_EX)
    site |= {"schema": BEHAVIOUR["schema"], "starts": [*site["starts"], BEHAVIOUR["version"]]}
    (data / "site.json").write_text(json.dumps(site))
    if not BEHAVIOUR["starts"]:
        sys.exit(1)
    port = re.search(r"127\.0\.0\.1:(\d+)", (data / "profile.yaml").read_text())
    assert port is not None
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    http.server.ThreadingHTTPServer(("127.0.0.1", int(port[1])), Answer).serve_forever()


class Answer(http.server.BaseHTTPRequestHandler):
    """`/readyz`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200 if BEHAVIOUR["ready"] else 503)
        self.send_header("Content-Length", "0")
        self.send_header("X-Version", BEHAVIOUR["version"])
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""
