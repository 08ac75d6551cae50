"""What `egress verify` found, and what follows from it."""

from collections.abc import Sequence

import msgspec

from app.egress.watching import Attempt, Watched

SILENT, BROKEN, UNKNOWN = 0, 1, 2


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer between the site and the world: `state` is verified, present, absent or broken."""

    name: str
    state: str
    how: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole finding; `exit` is the exit code. `trace_id` joins it with its row in the record."""

    exit: int
    seconds: float
    server: int
    watched: Watched
    layers: list[Layer]
    notes: list[str]
    trace_id: str = ""
    unrecorded: str = ""


def judged(
    watched: Watched, tried: Sequence[Attempt], others: Sequence[Layer], *, server: int, seconds: float
) -> Report:
    """Silent is only what was looked at: a server that could not be watched is unknown, not silent."""
    layers = [*map(_layer, tried), *others]
    notes = [watched.capture] if watched.capture else []
    if watched.lost:
        notes.append(f"{watched.lost} packets were not looked at: there were too many at once")
    if watched.unknown:
        notes.append(
            "packets of unknown owners may be other programs' of this host; --alone counts them as ours"
        )
    if not watched.processes:
        notes.append("the server ended, or this user may not look at its processes")
    if watched.undeclared or any(layer.state == "broken" for layer in layers):
        code = BROKEN
    else:
        code = SILENT if watched.processes and watched.samples and not watched.lost else UNKNOWN
    return Report(exit=code, seconds=seconds, server=server, watched=watched, layers=layers, notes=notes)


def _layer(attempt: Attempt) -> Layer:
    state = "verified" if attempt.refused else "broken" if attempt.offered else "absent"
    return Layer(name=f"{attempt.layer}: {attempt.what}", state=state, how=attempt.how)
