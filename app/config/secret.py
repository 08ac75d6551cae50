"""A value that is never shown: not by repr, logs, errors or `config show`."""

from pathlib import Path

from app.core.errors import ConfigError


class Secret:
    """A secret string; only `reveal` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself, for the one place that sends or checks it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def read_secret(text: str, *, key: str, base: Path) -> Secret:
    """`file:PATH` (relative to the profile's folder) or the value itself; ConfigError names what is missing."""
    if not text.startswith("file:"):
        return Secret(text)
    path = base / text.removeprefix("file:")
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(
            f"{key}: the secret file {path} cannot be read ({reason}).",
            remedy="Create the file, readable by Sallyport only, or correct the path.",
        ) from None
    if not value:
        raise ConfigError(f"{key}: the secret file {path} is empty.", remedy="Put the secret into it.")
    return Secret(value)
