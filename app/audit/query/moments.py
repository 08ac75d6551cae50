"""Points in time: RFC 3339, dates in a zone, and words such as `2h`, `yesterday` or `3 days ago`."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from app.core.errors import InputError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNIT = r"(s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?|d|days?|w|weeks?)"
_SPAN = re.compile(rf"(?:\d{{1,9}}\s*{_UNIT}\s*)+(?:ago)?", re.ASCII)
_PART = re.compile(rf"(\d{{1,9}})\s*{_UNIT}", re.ASCII)
_DATE = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?", re.ASCII)
_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\s*([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)
_CLOCK = re.compile(r"(?:(today|yesterday)\s+)?(\d\d):(\d\d)", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)
_ZONES = Path("/usr/share/zoneinfo")
_REMEDY = (
    "Write 2026-11-21T14:30:00Z, 2026-11-21, '2026-11-21 14:30', 14:30, today, yesterday, 90m, 2h or 7d."
)


def moment(text: str, *, now: datetime, zone: tzinfo = UTC) -> datetime:
    """The moment meant, aware; without an offset in `zone`. InputError for anything else."""
    word = text.strip().lower()
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    named = {
        "now": now,
        "today": midnight,
        "yesterday": _midnight(midnight - timedelta(hours=12)),
    }
    try:
        if word in named:
            return named[word]
        if clock := _CLOCK.fullmatch(word):
            day = named[clock[1] or "today"]
            return day.replace(hour=int(clock[2]), minute=int(clock[3]))
        if _SPAN.fullmatch(word):
            return now - timedelta(
                seconds=sum(int(part[1]) * _SECONDS[part[2][0]] for part in _PART.finditer(word))
            )
        if date := _DATE.fullmatch(word):
            return _first(date, zone)
        if stamp := _STAMP.fullmatch(text.strip()):
            return _stamp(stamp, zone)
    except (ValueError, OverflowError):
        pass
    raise InputError(f"{text[:80]!r} is not a point in time.", remedy=_REMEDY)


def day_or_month(text: str, *, now: datetime, zone: tzinfo = UTC) -> tuple[datetime, datetime]:
    """Beginning and end of `today`, `yesterday`, a day or a month; InputError for anything else."""
    word = text.strip().lower()
    found = _DATE.fullmatch(word)
    try:
        if found:
            first = _first(found, zone)
        elif word in ("today", "yesterday"):
            first = moment(word, now=now, zone=zone)
        else:
            raise ValueError
    except ValueError:
        raise InputError(
            f"{text[:80]!r} is neither a day nor a month.",
            remedy="Write 2026-11-21, 2026-11, today or yesterday.",
        ) from None
    if found and not found[3]:
        return first, (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first, _midnight(first + timedelta(hours=36))


def zone_named(name: str) -> tzinfo:
    """UTC, `local`, an offset such as +02:00, or a zone of the host's time zone data, such as Europe/Berlin."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    if name == "local":
        local = datetime.now().astimezone().tzinfo
        return local or UTC
    if offset := _OFFSET.fullmatch(name):
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        if span < timedelta(hours=24):
            return timezone(-span if offset[1] == "-" else span)
    return _from_host(name)


def shown(moment: datetime, zone: tzinfo) -> str:
    """RFC 3339 with the zone's offset, `Z` for UTC, microseconds."""
    return moment.astimezone(zone).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _first(date: re.Match[str], zone: tzinfo) -> datetime:
    return datetime(int(date[1]), int(date[2]), int(date[3] or 1), tzinfo=zone)


def _stamp(found: re.Match[str], zone: tzinfo) -> datetime:
    naive = datetime.fromisoformat(f"{found[1]}T{found[2]}")
    return naive.replace(tzinfo=zone_named(found[3].upper()) if found[3] else zone)


def _midnight(moment: datetime) -> datetime:
    """The beginning of that day: twelve hours off are still the day that is meant when a clock is put forward."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _from_host(name: str) -> tzinfo:
    """A zone by its file, so that nothing is asked of a package that air-gapped hosts do not have."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,2}", name, re.ASCII):
        try:
            with (_ZONES / name).open("rb") as file:
                return ZoneInfo.from_file(file, key=name)
        except (OSError, ValueError):
            pass
    raise InputError(
        f"{name[:80]!r} is not a time zone of this host.",
        remedy="Write UTC, local, an offset such as +02:00, or a name such as Europe/Berlin.",
    )
