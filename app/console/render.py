"""Templates and their filters: everything escaped, nothing invisible, numbers and times for people."""

import hashlib
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_SHOWN = frozenset("\n\t")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


class Asset(msgspec.Struct, frozen=True):
    """A file that pages refer to; its URL changes with its content."""

    data: bytes
    type: str
    url: str


class Templates:
    """The folder of templates and assets."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.assets = {path.name: _asset(path) for path in sorted(folder.iterdir()) if path.suffix in _TYPES}

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """The text of a template."""
        return self._environment.get_template(name).render(values)

    @cached_property
    def _environment(self) -> "Environment":
        # Read when the first page is asked for: a server that nobody looks at starts faster and stays smaller.
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

        environment = Environment(
            loader=FileSystemLoader(self._folder / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_finalized,
        )
        environment.filters.update(
            clock=clock, day=day, duration=duration, money=money, pretty=pretty, count=count, iso=iso,
        )  # fmt: skip
        environment.globals.update(version=__version__, assets=self.assets)
        return environment


def _asset(path: Path) -> Asset:
    data = path.read_bytes()
    mark = hashlib.sha256(data).hexdigest()[:12]
    return Asset(data, _TYPES[path.suffix], f"/console/assets/{path.name}?v={mark}")


def _finalized(value: Any) -> Any:
    return visible(value) if type(value) is str else value


def visible(text: str) -> str:
    """The text with what a reader could not see, or that would turn it around, written out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written_out(char) for char in text)


def _written_out(char: str) -> str:
    if char in _SHOWN or unicodedata.category(char) not in _HIDDEN:
        return char
    return f"\\u{ord(char):04x}"


def moment(value: datetime | str) -> datetime:
    """A time of the record, whether as stored in a column or in an entry."""
    parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    return parsed.astimezone(UTC)


def clock(value: datetime | str) -> str:
    """The time of day in UTC, to the millisecond."""
    return moment(value).strftime("%H:%M:%S.%f")[:-3]


def day(value: datetime | str) -> str:
    """The date and minute in UTC."""
    return moment(value).strftime("%Y-%m-%d %H:%M")


def iso(value: datetime | str) -> str:
    """For `<time datetime>`."""
    return moment(value).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def duration(microseconds: int) -> str:
    """In the unit that reads best."""
    if microseconds < 1000:
        return f"{microseconds} µs"
    if microseconds < 1_000_000:
        return f"{microseconds / 1000:.1f} ms"
    return f"{microseconds / 1_000_000:.2f} s"


def money(microdollars: int) -> str:
    """Dollars, with as many digits as a small amount needs."""
    dollars = microdollars / 1_000_000
    if microdollars == 0:
        return "$0"
    return f"${dollars:,.2f}" if abs(dollars) >= 1 else f"${dollars:.6f}".rstrip("0")


def count(number: int) -> str:
    """With separators."""
    return f"{number:,}"


def pretty(value: Any) -> str:
    """A JSON value over several lines."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
