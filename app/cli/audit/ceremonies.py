"""`audit new-key|rotate-key|restored`: what is done to the seal by hand, each recorded."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from app.audit.sealing.authority import SUFFIX
from app.audit.sealing.outside import base_origin
from app.audit.sealing.restore import declare, find_break
from app.audit.sealing.rotate import rotate
from app.audit.sealing.store import epochs
from app.audit.signing.keys import new_signers, read_signers, write_signers
from app.audit.signing.source import public_keys
from app.audit.tlog.signing import Signer
from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Resource
from app.core.errors import ConflictError
from app.jobs import Leader
from app.server.rooms.seal import leader_of, outside_of
from app.server.rooms.seal_keys import key_source

_PATIENCE = 15.0


@click.command("new-key")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@site_command
async def new_key(site: Site, output: Output, file: Path) -> None:
    """Make a signing key in a new FILE, to be kept where the profile's record.keys says."""
    call = operator_call("admin.record.key", Resource("record", "new-key"), {"file": str(file)})
    async with site.admission.admit(call) as passage:
        async with await site.connection("new-key") as conn:
            begun = await epochs(conn)
        origin = site.profile.record.origin
        name = base_origin(begun[0].origin) if begun else f"{origin}{SUFFIX}" if origin else ""
        made = await asyncio.to_thread(new_signers, name)
        await asyncio.to_thread(write_signers, file, made)
        shown = [str(key) for key in public_keys(made)]
        passage.note(result={"keys": shown})
    output.value({"file": str(file), "keys": shown}, "\n".join([f"Written: {file}", *shown]))


@click.command("rotate-key")
@click.option(
    "--key", metavar="FILE", default="", help="The new key's file, made by `new-key`, or extension:NAME."
)
@site_command
async def rotate_key(site: Site, output: Output, key: str) -> None:
    """Let a new key sign the record from now on; recorded, and signed by both."""
    async with site.admission.admit(
        operator_call("admin.record.rotate", Resource("record", "key"))
    ) as passage:
        source = key_source(site.profile, site.folder)
        given = _given(site, key)
        async with await site.connection("rotate") as conn:
            done = await rotate(conn, source=source, given=given, node=site.profile.node, clock=site.clock)
        passage.note(result={"old": done.old, "new": done.new})
    here = {str(one) for one in public_keys(source.load())}
    hint = f"\nNow let record.keys lead to the new key; it still leads to {source.place}."
    hint = "" if here.issuperset(done.new) else hint
    output.value(done, "\n".join(["The record is signed from now on by:", *done.new]) + hint)


def _given(site: Site, key: str) -> Sequence[Signer]:
    """The keys that the operator names, none to let the source of the profile find them."""
    if key.startswith(("extension:", "pkcs11:")):
        return key_source(site.profile, site.folder, setting=key).load()
    return read_signers(Path(key)) if key else []


@click.command()
@click.option("--reason", required=True, help="What happened, for whoever reads the record in years.")
@site_command
async def restored(site: Site, output: Output, reason: str) -> None:
    """Declare that the database was restored from a backup, and go on in a new tree that says so.

    Needed when the record in the database is older than the checkpoints outside it, when unsealed rows are gone, or
    when the signing key is lost. Everything that was signed before stays as it is.
    """
    call = operator_call("admin.record.restore", Resource("record", "restore"), {"reason": reason})
    async with site.admission.admit(call) as passage:
        leader = leader_of(site)
        try:
            conn = await _lead(leader)
            parts: dict[str, Any] = {
                "source": key_source(site.profile, site.folder),
                "outside": outside_of(site),
            }
            broken = await find_break(conn, **parts)
            done = await declare(
                conn, broken, reason=reason, node=site.profile.node, clock=site.clock, **parts
            )
        finally:
            await leader.resign()
        passage.note(result={"origin": done.origin})
    said = "\n".join(f"  {one}" for one in done.breaks)
    output.value(done, f"Declared:\n{said}\nThe record goes on as {done.origin}.")


async def _lead(leader: Leader) -> Any:
    """The connection that alone may change the tree."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE
    while (conn := await leader.connection()) is None:
        if loop.time() > until:
            raise ConflictError(
                "A running server seals the record, or the database is away.",
                remedy="Stop the server of every node, then declare again.",
            )
        await asyncio.sleep(0.2)
    return conn


__all__ = ["new_key", "restored", "rotate_key"]
