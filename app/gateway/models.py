"""The models that clients may name, and where each goes."""

from collections.abc import Callable, Iterator
from ssl import SSLContext

from app.config.schema import Profile
from app.core.errors import SecretError, UpstreamError
from app.core.passage import Passage
from app.egress.http import Connects
from app.gateway.book import DIALECTS, Book, Found, Listed, Opening, Target, open_book
from app.gateway.book.opening import Changed
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

    def credential(self, passage: Passage, target: Target) -> tuple[str, str] | None:
        """The header that carries the provider's key; UpstreamError when its secret cannot be given."""
        if not target.secret:
            return target.credential
        try:
            if self._broker is None:
                raise SecretError("There is no store of secrets here.")
            key = self._broker.value(passage, f"provider:{target.provider}", target.secret)
        except SecretError as error:
            raise UpstreamError(str(error), kind="connect", status=503) from None
        return target.dialects[0].credential(key)

    def read(self, profile: Profile) -> Book:
        """The book of another reading of the profile, which holds from `turn` on; ConfigError when there is none."""
        return open_book(profile, self._opening, before=self.book)

    async def aclose(self) -> None:
        """End all connections to providers."""
        for upstream in self.book.upstreams.values():
            await upstream.aclose()


def open_models(
    *,
    profile: Profile,
    prices: PriceTable,
    connector: Connects,
    tls: SSLContext | None,
    broker: Broker | None = None,
    redactor: Redactor | None = None,
    changed: Changed | None = None,
) -> Models:
    """Targets of a profile; ConfigError for an unknown provider or a model without a price."""
    opening = Opening(prices=prices, connector=connector, tls=tls, changed=changed)
    return Models(open_book(profile, opening), opening, broker=broker, redactor=redactor)


__all__ = ["DIALECTS", "Book", "Found", "Listed", "Models", "Target", "open_models"]
