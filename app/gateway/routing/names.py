"""What a name that a client uses means."""

from collections.abc import Mapping, Sequence

from app.config.gateway.patterns import is_pattern, specificity
from app.policy.pattern import name_matches


class Names:
    """A model's own name first, then aliases, then the most specific pattern; the profile holds no tie."""

    def __init__(self, aliases: Mapping[str, Sequence[str]]) -> None:
        """`aliases` by model; names and aliases may hold `*`."""
        meanings = {name: name for name in aliases}
        meanings |= {alias: name for name, others in aliases.items() for alias in others}
        self._exact = {name: meaning for name, meaning in meanings.items() if not is_pattern(name)}
        patterns = [name for name in meanings if is_pattern(name)]
        patterns.sort(key=specificity, reverse=True)
        self._patterns = [(pattern, meanings[pattern]) for pattern in patterns]

    def all(self) -> list[tuple[str, str]]:
        """Every name that is one, with the model that it means."""
        return list(self._exact.items())

    def find(self, asked: str) -> str | None:
        """The model that is meant, or None."""
        found = self._exact.get(asked)
        if found is not None:
            return found
        return next((meaning for pattern, meaning in self._patterns if name_matches(pattern, asked)), None)
