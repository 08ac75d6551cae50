"""What a server says between a session's requests: only what the caller may know, under the endpoint's names."""

from typing import Any

import msgspec
from msgspec import Raw

from app.core.call import Resource
from app.core.passage import Passage
from app.mcp.protocol import names
from app.mcp.streams.sessions import Session
from app.mcp.upstream.ports import Respond

_UPDATED = "notifications/resources/updated"
_MOST_BYTES = 64 * 1024


class _Note(msgspec.Struct):
    method: str = ""
    params: dict[str, Any] = {}


class SessionLine:
    """The line of one session to one server, with the policy that held when it last called."""

    def __init__(self, session: Session, passage: Passage, *, server: str) -> None:
        self._session = session
        self._passage = passage
        self._server = server

    @property
    def open(self) -> bool:
        """Whether the client has a standing stream."""
        return self._session.standing.readers > 0

    def notify(self, message: bytes) -> None:
        """Keep it for the standing stream."""
        if len(message) > _MOST_BYTES:
            return
        try:
            note = msgspec.json.decode(message, type=_Note)
        except msgspec.MsgspecError:
            return
        if note.method == _UPDATED:
            uri = note.params.get("uri")
            if not self._passage.may("resource.read", Resource("resource", f"{self._server}/{uri}")):
                return
            if not self._session.server and isinstance(uri, str):
                params = {**note.params, "uri": names.join_uri(self._server, uri)}
                message = msgspec.json.encode({"jsonrpc": "2.0", "method": _UPDATED, "params": params})
        self._session.standing.put(message)

    def ask(self, method: str, params: Raw | None, respond: Respond) -> bool:
        """Put a server's question on the standing stream; nobody is asked who does not listen."""
        if not self.open:
            return False
        body = self._session.question(method, params, respond)
        if body is None:
            return False
        self._session.standing.put(body)
        return True
