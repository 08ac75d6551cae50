"""What accounts, groups, roles and scopes may be called: nothing that a pattern or a terminal reads differently."""

import re

from app.core.errors import InputError

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}", re.ASCII)
_SCOPE = re.compile(r"\*|[a-z]+(?:\.[a-z]+)*(?:\.\*)?", re.ASCII)
_RESERVED = frozenset({"anonymous", "sallyport", "system", "operator", "new"})
MAX_SCOPES = 64


def checked_name(name: str, *, what: str) -> str:
    """The name itself, or an InputError that says which names are possible."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name[:80]!r} cannot be the name of a {what}.",
            remedy="Use 1 to 64 of a-z 0-9 . _ @ + -, beginning with a letter or digit.",
            code="invalid_name",
        )
    if name in _RESERVED:
        raise InputError(
            f"{name!r} is a name that the record uses itself.", remedy="Choose another.", code="invalid_name"
        )
    return name


def checked_text(text: str, *, what: str) -> str:
    """One line of text for people, without control characters."""
    if len(text) > 200 or not text.isprintable():
        raise InputError(
            f"The {what} is not one line of at most 200 characters.",
            remedy="Shorten it.",
            code="invalid_text",
        )
    return text


def checked_scopes(scopes: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Action patterns such as `model.invoke`, `tool.*` or `*`; None means no narrowing, nothing is refused."""
    if scopes is None:
        return None
    if not 1 <= len(scopes) <= MAX_SCOPES:
        raise InputError(
            f"A key has 1 to {MAX_SCOPES} scopes.",
            remedy="Leave scopes out for all its owner may do.",
            code="invalid_scope",
        )
    for scope in scopes:
        if len(scope) > 64 or not _SCOPE.fullmatch(scope):
            raise InputError(
                f"{scope[:80]!r} is not a scope.",
                remedy="Write an action or a pattern such as tool.* .",
                code="invalid_scope",
            )
    return tuple(sorted(set(scopes)))
