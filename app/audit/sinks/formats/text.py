"""What may stand in a line that others split, search and show."""

import re
import unicodedata
from datetime import UTC, datetime

# C0, DEL, C1, and what some readers take for a line's end.
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NOT_PRINTABLE_ASCII = re.compile(r"[^\x21-\x7e]")


def one_line(text: str, limit: int) -> str:
    """Without control characters and line ends, which become spaces; cut to `limit` characters."""
    return _BREAKS.sub(" ", text[:limit])


def token(text: str, limit: int) -> str:
    """Printable US-ASCII without space, as RFC 5424 header fields need it; `-` when nothing is left."""
    plain = unicodedata.normalize("NFKD", text[: 4 * limit])
    return _NOT_PRINTABLE_ASCII.sub("_", plain)[:limit] or "-"


def epoch_us(time: str) -> int:
    """Microseconds since 1970 of a row's RFC 3339 time; 0 if it is none."""
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return 0
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds
