"""A tool server that serves HTTP on the port it is given: standard library only, older era, a session for each caller.

The port is the variable PORT, or the word after `--port`. `--late SECONDS` opens it late; `--deaf` accepts and never
answers; `--elsewhere` listens on another port; `--six` listens on ::1 only.
"""

import json
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = sys.argv[1:]
PORT = int(WORDS[WORDS.index("--port") + 1] if "--port" in WORDS else os.environ["PORT"])
SESSIONS: list[str] = []
GONE: list[str] = []
DEAF = threading.Event()


def attempt(host: str, port: int) -> str:
    """What comes of connecting somewhere."""
    try:
        with socket.create_connection((host, port), 2):
            return "connected"
    except OSError as error:
        return type(error).__name__


def bound(port: int) -> str:
    """What comes of serving another port."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return "bound"
    except OSError as error:
        return type(error).__name__


def datagram() -> str:
    """What comes of a socket for datagrams."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
            return "made"
    except OSError as error:
        return type(error).__name__


class Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if DEAF.is_set():
            time.sleep(3600)
        message = json.loads(body)
        session = self.headers.get("mcp-session-id", "")
        if "id" not in message:
            self.answer(202, None)
        elif message["method"] == "initialize":
            SESSIONS.append(f"session-{len(SESSIONS) + 1}")
            info = {"name": "web", "version": "1"}
            capabilities = {"tools": {}}
            result = {"protocolVersion": "2025-06-18", "capabilities": capabilities, "serverInfo": info}
            self.answer(200, self.result(message, result), SESSIONS[-1])
        elif not session:
            self.answer(
                400, {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no session"}}
            )
        elif message["method"] == "tools/list":
            names = ("who", "die", "deafen", "wait", "gone", "reach", "bind", "datagram", "spill")
            tools = [{"name": name, "inputSchema": {"type": "object"}} for name in names]
            self.answer(200, self.result(message, {"tools": tools}))
        else:
            text = self.tool(message["params"]["name"], message["params"].get("arguments", {}), session)
            content = [{"type": "text", "text": json.dumps(text)}]
            self.answer(200, self.result(message, {"content": content}))

    def tool(self, name: str, arguments: dict[str, Any], session: str) -> Any:
        if name == "who":
            return {"session": session, "port": PORT, "words": WORDS}
        if name == "die":
            os._exit(3)
        if name == "deafen":
            DEAF.set()
        if name == "wait":  # until the caller goes away
            self.connection.settimeout(60)
            GONE.append("waiting")
            GONE.append("closed" if self.connection.recv(1) == b"" else "data")
        if name == "gone":
            return list(GONE)
        if name == "reach":
            return attempt(arguments["host"], arguments["port"])
        if name == "bind":
            return bound(arguments["port"])
        if name == "datagram":
            return datagram()
        if name == "spill":
            sys.stdout.write(arguments["text"] + "\n")
            sys.stdout.flush()
        return "done"

    def result(self, message: dict[str, Any], result: Any) -> Any:
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}

    def answer(self, status: int, value: Any, session: str = "") -> None:
        data = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        if session:
            self.send_header("mcp-session-id", session)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True
    address_family = socket.AF_INET6 if "--six" in WORDS else socket.AF_INET


if "--late" in WORDS:
    time.sleep(float(WORDS[WORDS.index("--late") + 1]))
if "--deaf" in WORDS:
    DEAF.set()
PLACE = "::1" if "--six" in WORDS else "127.0.0.1"
sys.stdout.write("listening\n")
sys.stdout.flush()
Server((PLACE, PORT + 1 if "--elsewhere" in WORDS else PORT), Requests).serve_forever()
