"""Taking a request apart so that no member is lost in silence: each is taken, a hint, or refused."""

from collections.abc import Mapping
from typing import Any

from app.core.errors import InputError


def untranslatable(feature: str) -> InputError:
    """The refusal of what the provider's format cannot express."""
    return InputError(
        f"This model is reached through another format, which has no {feature}.",
        remedy="Leave it out, or use a model that speaks your client's own format.",
        code="untranslatable",
    )


class Reading:
    """One JSON object whose members are taken by name; `end` refuses what nobody took."""

    def __init__(self, members: Any, where: str) -> None:
        if not isinstance(members, dict):
            raise InputError(f"`{where}` must be an object.", code="invalid_shape")
        self._left: dict[str, Any] = dict(members)
        self._where = where
        self.hints: list[str] = []

    def take(self, name: str, *kinds: type, default: Any = None) -> Any:
        """A member of one of these JSON types; null and absence are `default`."""
        value = self._left.pop(name, None)
        if value is None:
            return default
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise InputError(f"`{self._path(name)}` has the wrong type.", code="invalid_shape")
        return value

    def text(self, name: str) -> str:
        """A string; empty when it is not there."""
        return self.take(name, str, default="")

    def items(self, name: str) -> list[Any]:
        """An array; empty when it is not there."""
        return self.take(name, list, default=[])

    def within(self, name: str) -> "Reading | None":
        """An object inside."""
        value = self._left.pop(name, None)
        return None if value is None else Reading(value, self._path(name))

    def hint(self, *names: str) -> None:
        """Members that change no answer: named to the client, not sent."""
        self.hints += [self._path(name) for name in names if self._left.pop(name, None) is not None]

    def end(self, *, neutral: Mapping[str, Any] | None = None) -> None:
        """Refuse what is left, but for members that say no more than their absence would."""
        for name, value in self._left.items():
            if value is not None and value != (neutral or {}).get(name, []):
                raise untranslatable(f"`{self._path(name)[:128]}`")

    def _path(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name
