"""What secrets are called, whom they may be given to, and which values are kept."""

import re

from app.core.errors import InputError
from app.secrets.redaction.forms import SHORTEST

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_RECIPIENT = re.compile(r"(?:server|provider):[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
LONGEST = 64 * 1024
_FEWEST = 4
MOST = 2000
"""Secrets of a site."""


def checked_name(name: str) -> str:
    """The name itself, or an InputError that says which names are possible."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name[:80]!r} cannot be the name of a secret.",
            remedy="Use 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit.",
            code="invalid_name",
        )
    return name


def checked_recipient(recipient: str) -> str:
    """`server:NAME` or `provider:NAME`."""
    if not _RECIPIENT.fullmatch(recipient):
        raise InputError(
            f"{recipient[:80]!r} is nobody a secret can be given to.",
            remedy="Write server:NAME (of mcp.servers) or provider:NAME (of providers).",
            code="invalid_recipient",
        )
    return recipient


def checked_purpose(purpose: str) -> str:
    """One line for people."""
    if len(purpose) > 200 or not purpose.isprintable():
        raise InputError(
            "The purpose is not one line of at most 200 characters.",
            remedy="Shorten it.",
            code="invalid_text",
        )
    return purpose


def checked_value(value: bytes) -> bytes:
    """The value, or an InputError that never repeats it."""
    if len(value) < SHORTEST:
        problem = f"The secret is shorter than {SHORTEST} bytes: it could not be told from ordinary text."
    elif len(value) > LONGEST:
        problem = f"The secret is longer than {LONGEST} bytes."
    elif len(set(value)) < _FEWEST:
        problem = f"The secret has fewer than {_FEWEST} different bytes."
    elif not value.strip():
        problem = "The secret is white space."
    else:
        return value
    raise InputError(problem, remedy="Let whoever made it make a longer one.", code="unusable_secret")
