"""`audit export|prove|verifier`: the record as files that anybody can check."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Resource
from app.core.errors import InputError

if TYPE_CHECKING:
    from app.audit.export import Manifest


@click.command()
@click.option(
    "--output",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder to make; it must not exist yet.",
)
@click.option(
    "--since", help="Rows from this moment on (UTC): 2026-11-01, 2026-11-21T14:30:00Z, 2h, yesterday."
)
@click.option("--until", help="Rows before this moment.")
@click.option("--month", help="Rows of one month or day, such as 2026-11 (UTC).")
@click.option("--from-leaf", type=click.IntRange(0), help="The first leaf.")
@click.option("--to-leaf", type=click.IntRange(0), help="The leaf after the last.")
@click.option("--epoch", type=click.IntRange(1), help="Which tree; the newest unless given.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 600),
    default=5.0,
    show_default=True,
    help="Seconds to wait until what is written now is sealed.",
)
@click.option(
    "--statements",
    "further",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The file of statements of another node (record/statements in its data folder).",
)
@click.option(
    "--reveal",
    is_flag=True,
    help="Add revealed.jsonl: rows about persons with their values opened, beside what is proven.",
)
@site_command
async def export(site: Site, output: Output, **given: Any) -> None:
    """Export the record, or a range of it, with everything that an auditor needs to check it."""
    from app.audit.export import Beside, Exports, Wanted
    from app.audit.subjects.reveal import Reveal
    from app.cli.audit.outside import statements

    since, until = _times(given, site.clock.now())
    wanted = Wanted(
        epoch=given["epoch"],
        since=since,
        until=until,
        first=given["from_leaf"],
        end=given["to_leaf"],
        wait=given["wait"],
    )
    words = {"output": str(given["folder"]), "reveal": given["reveal"], **wanted.words()}
    async with site.admission.admit(
        operator_call("audit.read", Resource("record", "export"), words)
    ) as passage:
        exports = Exports(
            pool=site.pool,
            clock=site.clock,
            boot=site.recorder.boot,
            beside=Beside(
                witness_keys=[witness.key for witness in site.profile.record.witnesses.values()],
                statements=lambda: [note for _, note in statements(site, given["further"])],
            ),
        )
        with _progress() as progress:
            made = await exports.export(
                given["folder"],
                wanted,
                signer=lambda: _signature(site),
                reveal=Reveal(site.keeping.persons).events if given["reveal"] else None,
                progress=progress,
            )
        summary = _summary(made)
        passage.note(result=summary)
    output.value(summary, _in_words(given["folder"], made))


def _summary(made: "Manifest") -> dict[str, Any]:
    return {
        "origin": made.origin,
        "size": made.size,
        "from": made.first,
        "to": made.end,
        "rows": made.rows,
        "absent": made.absent,
        "contents": len(made.contents.names),
        "unsealed": made.unsealed.get("rows", 0),
        "signed": made.signed,
    }


def _in_words(folder: Path, made: "Manifest") -> str:
    text = f"{folder}: {made.rows} rows, leaves {made.first} to {made.end} of {made.size} of {made.origin}"
    if made.absent:
        text += f"; {made.absent} were dropped under a signed statement"
    if made.unsealed:
        text += f"; {made.unsealed['rows']} further rows are not sealed yet and not in it"
    if not made.signed:
        text += "; the manifest is not signed, because this host has not the keys of the record"
    return text


def _times(given: dict[str, Any], now: datetime) -> tuple[datetime | None, datetime | None]:
    from app.audit.query.moments import day_or_month, moment

    since, until = (moment(given[name], now=now) if given[name] else None for name in ("since", "until"))
    if given["month"] is None:
        return since, until
    if since or until:
        raise InputError("Give --month, or --since and --until, not both.")
    return day_or_month(given["month"], now=now)


def _signature(site: Site) -> Callable[[str], bytes] | None:
    """Signs the manifest where the keys of the record are at hand."""
    from app.audit.signing.source import newest_of
    from app.audit.tlog.signing import signed
    from app.server.rooms.seal_keys import key_source

    signers = newest_of(key_source(site.profile, site.folder).load())[:1]
    return (lambda text: str(signed(text, signers, seconds=0)).encode()) if signers else None


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, when that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    with click.progressbar(length=1, file=sys.stderr, label="Exporting") as bar:

        def moved(done: int, total: int) -> None:
            bar.length = max(1, total)
            bar.update(done - bar.pos)

        yield moved


@click.command()
@click.argument("row_id")
@click.option(
    "--output",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The proof's file; the row goes beside it. Default: ROW-ID.tlog-proof.",
)
@site_command
async def prove(site: Site, output: Output, row_id: str, path: Path | None) -> None:
    """Write the proof that a row is in the sealed record, and the row itself."""
    from app.audit.export import prove as prove_row

    path = path or Path(f"{row_id}.tlog-proof")
    async with site.admission.admit(operator_call("audit.read", Resource("record", row_id))):
        proof = await prove_row(site.pool, row_id)
    entry = path.with_name(path.name.removesuffix(".tlog-proof") + ".entry")
    for target, data in ((path, proof.text), (entry, proof.entry)):
        with target.open("xb") as file:
            file.write(data)
    output.value(
        {
            "proof": str(path),
            "entry": str(entry),
            "leaf": proof.leaf,
            "size": proof.size,
            "origin": proof.origin,
        },
        f"{path} and {entry}: leaf {proof.leaf} of {proof.size} of {proof.origin}",
    )


@click.command()
def verifier() -> None:
    """Print the standalone verifier, one Python file: sallyport audit verifier > verify.py"""
    from app.core.paths import resources

    click.echo((resources() / "assets" / "record" / "verify.py").read_text(encoding="utf-8"), nl=False)
