"""Another master key without a pause: rewrapped in one transaction, the old key accepted until it is finished.

A crash before the commit leaves everything under the old key, and the new one waiting at its source for the next
try; after the commit everything is under the new key.
"""

from app.core import crash
from app.core.errors import BoxError, ConflictError
from app.core.passage import Passage
from app.extensions import MasterKey
from app.secrets import store
from app.secrets.box import rewrap
from app.secrets.catalogue import Catalogue, admitted_for, reading_of, refuse_changed, retag
from app.secrets.keyring import handover_about
from app.secrets.records import Rekeyed
from app.secrets.signins.sealing import rewrap_all as rewrap_sign_ins
from app.secrets.snapshot import Reading, problem_of

ACTION = "admin.secret.rekey"


async def rekey(catalogue: Catalogue, passage: Passage, *, handover: bool) -> Rekeyed:
    """`handover` leaves the new key in a box of the old one, for the other nodes: not after the old key leaked."""
    admitted_for(passage, ACTION)
    reading = await catalogue.refresh()
    old = _current(catalogue, reading)
    new = await catalogue.keyring.fresh(reading.keys)
    key = new.export() if handover else b""
    box = old.wrap(key, handover_about(new.id)) if key else b""
    if __debug__:
        crash.at("rekey.before_rewrap")
    async with store.change(catalogue.pool) as (conn, revision):
        before = await reading_of(conn, revision=revision - 1)
        if before.current_key is None or before.current_key.id != old.id:
            raise ConflictError(
                "Somebody else changed the master key meanwhile.", remedy="Look, and try again."
            )
        refuse_changed(before, old)
        count = await _rewrap_all(conn, before, old, new)
        await store.retire_previous(conn)
        await store.set_current_previous(conn)
        await store.insert_key(conn, catalogue.key_row(new, by=passage.principal.name, handover=box))
        await retag(conn, new, None)
        if __debug__:
            crash.at("rekey.before_commit")
    if __debug__:
        crash.at("rekey.after_commit")
    passage.note(result={"before": old.id, "after": new.id, "versions": count})
    await catalogue.refresh()
    return Rekeyed(before=old.id, after=new.id, versions=count)


async def finish(catalogue: Catalogue, passage: Passage) -> None:
    """End the handover, and let go of the key before, here and at the other nodes."""
    async with catalogue.begin(passage, ACTION) as begun:
        if not any(key.state == "previous" for key in begun.before.keys):
            raise ConflictError(
                "There is no master key to let go of.", remedy="See `sallyport secret check`."
            )
        await store.retire_previous(begun.conn)


def _current(catalogue: Catalogue, reading: Reading) -> MasterKey:
    key = reading.current_key
    held = catalogue.keyring.find(key.id) if key else None
    if held is None:
        raise ConflictError(
            "Nothing is sealed yet.", remedy="The first `sallyport secret set` makes a master key."
        )
    return held


async def _rewrap_all(conn: store.Connection, before: Reading, old: MasterKey, new: MasterKey) -> int:
    """New boxes for all data keys; a row that is not sound is refused, since a new tag would make it look right."""
    purposes = {row.name: row.purpose for row in before.secrets}
    for row in before.secrets:
        if problem := problem_of(before, row, old):
            raise _unsound(row.name, problem)
    for version in before.versions:
        try:
            wrapped = rewrap(old, new, version.identity(purposes[version.name]), version.wrapped)
        except BoxError as error:
            raise _unsound(version.name, error.message) from None
        await store.set_wrapped(conn, version.name, version.version, wrapped)
    return len(before.versions) + await rewrap_sign_ins(conn, old, new)


def _unsound(name: str, problem: str) -> ConflictError:
    return ConflictError(
        f"The secret {name} cannot be given a new master key: {problem}.",
        remedy=f"`sallyport secret delete {name}`, then try again.",
    )
