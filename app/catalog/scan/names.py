"""Tools that pass for, or speak about, tools of another server."""

from collections.abc import Collection, Iterator, Mapping

from app.catalog.scan.words import Smell, lower

_SAME = str.maketrans("01", "ol", "-_. ")


def skeleton(name: str) -> str:
    """What two names have in common that a reader would take for one."""
    return lower(name).translate(_SAME)


def of_name(name: str, others: Mapping[str, str], skeletons: Mapping[str, str]) -> Iterator[Smell]:
    """A name in other letters than it seems, or one that another server has."""
    if not name.isascii():
        yield "name_letters", "warn", name
    if name in others:
        yield "same_name", "note", f"{name} of {others[name]}"
        return
    if (other := skeletons.get(skeleton(name))) is not None:
        alike = not name.isascii() or not other.isascii()
        yield "lookalike", "alarm" if alike else "warn", f"{other} of {others[other]}"


def mentioned(identifiers: Collection[str], others: Collection[str], *, own: str) -> Iterator[Smell]:
    """Names of other servers' tools in a text: one server has no business steering the use of another's."""
    for name in sorted(identifiers):
        if name in others and name != own and _distinctive(name):
            yield "other_tool", "warn", name


def _distinctive(name: str) -> bool:
    """Whether a name is no everyday word."""
    return len(name) > 5 and (any(char in "_-" for char in name) or not (name.islower() or name.istitle()))
