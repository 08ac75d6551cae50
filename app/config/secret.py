"""A value that is never shown: not by repr, logs, errors or `config show`; or the name of one in the store."""

import re
from pathlib import Path

from app.core.errors import ConfigError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


class Secret:
    """A secret string; only `reveal` gives it away. With a `reference` the value is in the store of secrets."""

    __slots__ = ("_value", "reference")

    def __init__(self, value: str, *, reference: str = "") -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> str:
        """The secret itself, for the one place that sends or checks it; empty for a reference."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret(secret:{self.reference})" if self.reference else "Secret(***)"

    def __bool__(self) -> bool:
        return bool(self._value or self.reference)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value and other.reference == self.reference

    def __hash__(self) -> int:
        return hash((self._value, self.reference))


def read_secret(text: str, *, key: str, base: Path, references: bool = False) -> Secret:
    """`file:PATH` (relative to the profile's folder), `secret:NAME` where `references` are understood, or the value.

    ConfigError names what is missing.
    """
    if text.startswith("secret:"):
        if references and _NAME.fullmatch(text.removeprefix("secret:")):
            return Secret("", reference=text.removeprefix("secret:"))
        raise ConfigError(
            f"{key}: a stored secret cannot be named here."
            if not references
            else f"{key}: no secret has such a name.",
            remedy="A tool server names its secrets under `secrets:`; here write file:PATH or ${VAR}."
            if not references
            else "Write secret:NAME, in small letters, digits, dot, hyphen and underscore.",
        )
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
