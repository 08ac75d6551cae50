"""Values in what PostgreSQL can hold."""

from typing import Any

_INT64 = 2**63


def recordable(value: Any) -> Any:
    """The value in what PostgreSQL's jsonb can hold: U+0000 shown as U+2400, huge integers as text."""
    if isinstance(value, str):
        return value if value.isascii() and "\x00" not in value else storable_text(value, len(value))
    if isinstance(value, dict):
        # Calls cost more here than what they do: the usual text is looked at in place.
        return {
            key if key.isascii() and "\x00" not in key else storable_text(key, len(key)): item
            if type(item) is str and item.isascii() and "\x00" not in item
            else recordable(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [recordable(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else str(value)
    if isinstance(value, float):
        return value if abs(value) < 1e300 else str(value)
    return str(value)


def storable_text(value: str, limit: int) -> str:
    """Cut, and without what PostgreSQL's text cannot hold."""
    if value.isascii() and "\x00" not in value:
        return value[:limit]
    return value[:limit].replace("\x00", "\u2400").encode("utf-8", "replace").decode()
