"""What a caller of the older era agreed with us, and the streams on which it hears from us.

Session       between `initialize` and DELETE: in this process's memory, bound to a principal and an endpoint (sessions.py)
Replay        the events of one stream, kept for a client that comes back (replay.py)
SessionLine   what a server says between requests, as this caller may hear it (line.py)
AnswerStream  the HTTP side of one answer (answering.py)
standing      the HTTP side of a GET: the standing stream, or one that broke off (standing.py)
"""

from app.mcp.streams.answering import BEAT_SECONDS, AnswerStream, response_of
from app.mcp.streams.line import SessionLine
from app.mcp.streams.replay import Replay
from app.mcp.streams.sessions import MOST_ASKS, Session, Sessions
from app.mcp.streams.standing import StandingStream

__all__ = [
    "BEAT_SECONDS",
    "MOST_ASKS",
    "AnswerStream",
    "Replay",
    "Session",
    "SessionLine",
    "Sessions",
    "StandingStream",
    "response_of",
]
