"""Models as routing sees them: places with labels and weights, and where else their calls may go."""

import msgspec

from app.config.gateway.models import When

NO_LABELS: frozenset[str] = frozenset()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One place of a model; `index` is that of its target."""

    index: int
    model: str
    """The entry of the profile that it stands in."""
    labels: frozenset[str] = NO_LABELS
    weight: int = 1


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that go to another model."""

    when: When
    to: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the profile."""

    name: str
    places: tuple[Place, ...] = ()
    fallbacks: tuple[str, ...] = ()
    routes: tuple[Branch, ...] = ()
    requires: frozenset[str] = NO_LABELS

    @property
    def plain(self) -> bool:
        """Whether all of its calls go to one place."""
        return len(self.places) == 1 and not self.fallbacks and not self.routes
