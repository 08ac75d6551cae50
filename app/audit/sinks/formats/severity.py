"""How much a row matters, on the scale of each format."""

import msgspec

from app.audit.event import Event


class Severity(msgspec.Struct, frozen=True):
    """RFC 5424 (0 worst, 7 least), CEF (0 least, 10 worst), OCSF (1 informational, 6 fatal)."""

    syslog: int
    cef: int
    ocsf: int


_INFORMATIONAL = Severity(6, 2, 1)
_NOTICE = Severity(5, 4, 2)
_WARNING = Severity(4, 6, 3)
_FAILED = frozenset({"error", "refused", "lost"})


def severity(event: Event) -> Severity:
    """Denials and lost calls are warnings; failures and what Sallyport says of itself are notices."""
    if event.kind in ("denial", "lost"):
        return _WARNING
    if event.kind == "event" or event.status in _FAILED:
        return _NOTICE
    return _INFORMATIONAL
