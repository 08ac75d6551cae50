"""Names, models and targets of one reading of the profile."""

from collections.abc import Mapping

import msgspec

from app.config.gateway.models import Model, Provider
from app.config.gateway.patterns import is_pattern
from app.egress.http import Upstream
from app.gateway.book.target import Target
from app.gateway.routing import Entry, Names, Plan, Standing, Turns


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the profile, as a name meant it."""

    entry: Entry
    settings: Model
    plan: Plan
    """Of a call that needs no other."""
    reach: tuple[Target, ...]
    """Wherever its calls may come to."""
    turns: Turns

    @property
    def pattern(self) -> bool:
        """Whether it stands for many names, each of which is granted by itself."""
        return is_pattern(self.entry.name)

    @property
    def only(self) -> Target | None:
        """The target, when there is one only."""
        return self.reach[0] if self.entry.plain else None


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A name that lists show: a model's own, or an alias of it, which `means` another."""

    model: str
    means: str
    display_name: str
    provider: str


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `standings` and `turns` outlive a reading, for what is still there."""

    names: Names
    entries: Mapping[str, Entry]
    found: Mapping[str, Found]
    targets: tuple[Target, ...]
    providers: Mapping[str, Provider]
    upstreams: Mapping[str, Upstream]
    standings: Mapping[tuple[str, str], Standing]
    turns: Mapping[str, Turns]

    def listed(self) -> list[Listed]:
        """The names that lists show; patterns are no names."""
        lines = []
        for name, meaning in self.names.all():
            found = self.found[meaning]
            shown = found.settings.display_name if name == meaning else ""
            provider = found.reach[0].provider
            lines.append(Listed(model=name, means=meaning, display_name=shown or name, provider=provider))
        return lines
