"""What one request needs on its way, whichever target it comes to."""

from collections.abc import Callable

import msgspec

from app.admission import Admission
from app.core.passage import Passage
from app.extensions import Request
from app.gateway.ask import Ask
from app.gateway.asked import Operation
from app.gateway.book import Book, Found
from app.gateway.models import Models
from app.gateway.outgoing import Outgoing


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """An admitted request; `prepared` is what its only target gets, when there is only one."""

    admission: Admission
    models: Models
    book: Book
    passage: Passage
    operation: Operation
    ask: Ask
    found: Found
    prepared: Outgoing | None
    request: Request
    heartbeat: float
    draw: Callable[[], float]
    labels: frozenset[str]
    """Demanded by the client of every provider."""
