"""What one request needs on its way, whichever target it comes to."""

from collections.abc import Callable

import msgspec

from app.admission import Admission
from app.core.passage import Passage
from app.extensions import Request
from app.gateway.ask import Ask
from app.gateway.asked import Operation
from app.gateway.book import Book, Found, Target
from app.gateway.clients.own_key import OwnKey, Redacts
from app.gateway.dialects import Headers, Sent
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
    own_key: OwnKey | None = None
    """The caller's own key of the only provider."""

    @property
    def redactor(self) -> Redacts:
        """Takes what is secret out of answers."""
        return self.own_key or self.models.redactor

    def credential(self, target: Target, sent: Sent) -> Headers:
        """The headers that prove the key for a target; UpstreamError when it cannot be given or is none."""
        if self.own_key is not None:
            return self.own_key.headers(target.dialects[0], sent)
        return self.models.credential(self.passage, target, sent)
