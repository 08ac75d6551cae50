"""`pkcs11:` URIs (RFC 7512): which token and keys by the path, library and PIN by the query."""

from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

import msgspec

from app.core.errors import ConfigError

_TOKEN = ("token", "manufacturer", "model", "serial", "slot-id")
_LONGEST_PIN = 256


class TokenUri(msgspec.Struct, frozen=True, kw_only=True):
    """`token` is what must match of the token; `label` and `id` choose keys in it."""

    token: dict[str, str]
    module: str
    label: str = ""
    id: bytes = b""
    pin_file: str = ""

    @property
    def place(self) -> str:
        """For people."""
        return f"the token {self.token.get('token') or next(iter(self.token.values()))}"

    def pin(self) -> str | None:
        """Read at each opening; None without one. ConfigError when its file cannot be read."""
        if not self.pin_file:
            return None
        path = Path(self.pin_file)
        try:
            if path.stat().st_mode & 0o077:
                raise ConfigError(
                    f"The PIN file {path} may be read by others than its owner.", remedy=f"chmod 600 {path}"
                )
            return path.read_text(encoding="utf-8")[:_LONGEST_PIN].rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", "") or "it is not text"
            raise ConfigError(
                f"The PIN file {path} cannot be read ({reason}).", remedy="Correct pin-source."
            ) from None


def parse_uri(text: str, *, where: str) -> TokenUri:
    """The URI in a setting; ConfigError, which never repeats it, says what is wrong."""
    scheme, _, rest = text.partition(":")
    path, _, query = rest.partition("?")
    token: dict[str, str] = {}
    found: dict[str, str] = {}
    for part in filter(None, path.split(";")):
        name, equals, value = part.partition("=")
        if not equals or name in token or name in found:
            raise _wrong(where, "a part of its path is not NAME=VALUE, or is there twice")
        if name in _TOKEN:
            token[name] = unquote(value)
        elif name in ("object", "id"):
            found[name] = value
        elif name not in ("type", "library-manufacturer", "library-description", "library-version"):
            raise _wrong(where, f"{name[:40]} is no part of a path")
    asked = {name: value for name, _, value in (part.partition("=") for part in query.split("&"))}
    if scheme != "pkcs11" or not token:
        raise _wrong(where, "it does not say which token, by token=, serial= or the like")
    if "pin-value" in asked:
        raise _wrong(where, "pin-value would stand in the profile; use pin-source=file:PATH")
    module, pin = unquote(asked.get("module-path", "")), unquote(asked.get("pin-source", ""))
    if not module.startswith("/"):
        raise _wrong(where, "module-path must be the absolute path of the token's library")
    pin_file = pin.removeprefix("file://").removeprefix("file:")
    if pin and (not pin.startswith("file:") or not pin_file.startswith("/")):
        raise _wrong(where, "pin-source must be file:/PATH")
    return TokenUri(
        token=token,
        module=module,
        label=unquote(found.get("object", "")),
        id=unquote_to_bytes(found.get("id", "")),
        pin_file=pin_file,
    )


def _wrong(where: str, why: str) -> ConfigError:
    return ConfigError(
        f"{where}: the pkcs11 URI cannot be used: {why}.",
        remedy="Write pkcs11:token=LABEL;object=KEY?module-path=/PATH/LIB.so&pin-source=file:/PATH/PIN.",
    )
