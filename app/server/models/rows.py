"""The places of models as the admin API, the console and the host's commands show them."""

from app.api.models import ModelPlace, ProviderLook
from app.core.clock import Clock
from app.core.passage import Passage
from app.gateway.book import Book
from app.gateway.models import Models, Target
from app.server.models.looking import Looking


class ModelRows:
    """Rows made of the book of this moment."""

    def __init__(self, models: Models, looking: Looking, *, clock: Clock) -> None:
        self._models = models
        self._looking = looking
        self._clock = clock

    def overview(self) -> list[ModelPlace]:
        """All places, by model."""
        return rows(self._models.book, now=self._clock.monotonic())

    async def look(self, passage: Passage, provider: str) -> ProviderLook:
        """Ask a provider for its list of models."""
        return await self._looking.look(passage, provider)


def rows(book: Book, *, now: float) -> list[ModelPlace]:
    """A row for each place; a model without one of its own has a row too."""
    found: list[ModelPlace] = []
    for name, model in book.found.items():
        targets = [book.targets[place.index] for place in model.entry.places]
        aliases, fallbacks = list(model.settings.aliases), list(model.settings.fallbacks)
        requires = sorted(model.entry.requires)
        found += [
            _row(target, number, aliases, fallbacks, requires, now=now)
            for number, target in enumerate(targets)
        ]
        if not targets:
            found.append(
                ModelPlace(
                    name=name, model=name, aliases=aliases, provider="", upstream_model="", dialect="", labels=[],
                    requires=requires, weight=0, fallbacks=fallbacks, input_price=0, output_price=0,
                )
            )  # fmt: skip
    return found


def _row(
    target: Target, number: int, aliases: list[str], fallbacks: list[str], requires: list[str], *, now: float
) -> ModelPlace:
    standing = target.standing
    seconds, why = standing.away_for(now)
    return ModelPlace(
        name=f"{target.model}#{number}" if number else target.model,
        model=target.model,
        aliases=aliases,
        provider=target.provider,
        upstream_model="*" if target.any_name else target.upstream_model,
        dialect=target.dialects[0].name,
        labels=list(target.labels),
        requires=requires,
        weight=target.weight,
        fallbacks=fallbacks,
        input_price=target.price.rates.input,
        output_price=target.price.rates.output,
        state=standing.state,
        seconds=round(seconds, 1),
        why=why,
        calls=standing.calls,
        failures=standing.failures,
        running=standing.running,
        last_failure=standing.last,
    )
