"""The models that clients may name, and where each goes."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from ssl import SSLContext

import msgspec

from app.config.schema import Profile
from app.core.clock import Clock, SystemClock
from app.core.errors import ConfigError, SecretError, UpstreamError
from app.core.passage import Passage
from app.egress.http import Connects
from app.gateway.book import DIALECTS, Book, Found, Listed, Opening, Target, open_book, repriced
from app.gateway.book.opening import Changed
from app.gateway.dialects import Headers, Sent
from app.gateway.money import PriceTable
from app.secrets import Broker, Redactor


class Models:
    """All targets by the names that clients use. `book` is replaced whole; calls under way keep what they have."""

    def __init__(
        self, book: Book, opening: Opening, *, broker: Broker | None = None, redactor: Redactor | None = None
    ) -> None:
        self.book = book
        self._opening = opening
        self._broker = broker
        self.redactor = redactor or Redactor()
        """Takes known secrets out of what providers answer."""

    def __iter__(self) -> Iterator[Target]:
        return iter(self.book.targets)

    def find(self, name: str) -> Found | None:
        """What a name means, or None."""
        meaning = self.book.names.find(name)
        return self.book.found[meaning] if meaning is not None else None

    def listed(self, may: Callable[[str], bool]) -> list[Listed]:
        """The names for lists of whoever `may` use a model: an alias needs its own permit and its model's."""
        return [line for line in self.book.listed() if may(line.model) and may(line.means)]

    def credential(self, passage: Passage, target: Target, sent: Sent) -> Headers:
        """The headers that prove the provider's key; UpstreamError when it cannot be given or is none."""
        if target.key is None:
            return ()
        try:
            key = target.key.reveal() or self._stored(passage, target.provider, target.key.reference)
            return target.dialects[0].credential(key, sent)
        except (SecretError, ConfigError) as error:
            raise UpstreamError(str(error), kind="connect", status=503) from None

    def _stored(self, passage: Passage, provider: str, name: str) -> str:
        if self._broker is None:
            raise SecretError("There is no store of secrets here.")
        return self._broker.value(passage, f"provider:{provider}", name)

    def reprice(self, prices: PriceTable, day: date) -> list[str]:
        """Price every call from now on by this table; models that it does not price keep theirs and are returned."""
        self.book, missing = repriced(self.book, prices, day)
        self._opening = msgspec.structs.replace(self._opening, prices=prices)
        return missing

    def read(self, profile: Profile) -> Book:
        """The book of another reading of the profile, which holds from `turn` on; ConfigError when there is none."""
        return open_book(profile, self._opening, before=self.book)

    def turn(self, book: Book) -> None:
        """Let this book hold from now on; calls under way end where they are."""
        gone = [one for one in self.book.upstreams.values() if one not in book.upstreams.values()]
        self.book = book
        for upstream in gone:
            upstream.retire()

    async def aclose(self) -> None:
        """End all connections to providers."""
        for upstream in self.book.upstreams.values():
            await upstream.aclose()


def _today() -> date:
    return datetime.now(UTC).date()


def open_models(
    *,
    profile: Profile,
    prices: PriceTable,
    connector: Connects,
    tls: SSLContext | None,
    broker: Broker | None = None,
    redactor: Redactor | None = None,
    changed: Changed | None = None,
    clock: Clock | None = None,
    today: Callable[[], date] = _today,
) -> Models:
    """Targets of a profile; ConfigError for an unknown provider or a model without a price that is valid today."""
    opening = Opening(
        prices=prices,
        today=today,
        connector=connector,
        tls=tls,
        clock=clock or SystemClock(),
        changed=changed,
    )
    return Models(open_book(profile, opening), opening, broker=broker, redactor=redactor)


__all__ = ["DIALECTS", "Book", "Found", "Listed", "Models", "Target", "open_models"]
