"""`restore`: bring a site back from a backup, or only look whether one is whole."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.backup.write import progress
from app.cli.site import Output, json_option, site_options
from app.core.errors import InputError

if TYPE_CHECKING:
    from app.backup.reading import Checked, Openers
    from app.server.backup.opening import Vouched
    from app.server.backup.restore import Restored

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--identity", type=_FILE, help="The file with the private key that opens the backup.")
@click.option("--passphrase-file", type=_FILE, help="A file with the passphrase that opens it.")
@click.option("--check", is_flag=True, help="Only read it: is it whole, of which site, and signed by whom?")
@click.option(
    "--drill",
    is_flag=True,
    help="Restore into a scratch folder, verify the record there, and remove it again.",
)
@click.option(
    "--key", "keys", multiple=True, help="The verifier key that must have signed it (`audit keys`)."
)
@click.option(
    "--left-out",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with the files that were left out of the backup, under their names.",
)
@click.option("--replace", default="", metavar="NAME", help="Replace the site that is there; type its name.")
@click.option("--reason", default="", help="What happened, for whoever reads the record in years.")
@site_options
@json_option
def restore(file: Path, as_json: bool, **given: Any) -> None:
    """Bring a site back from a backup into an empty data folder, and declare it to the record.

    The database is the embedded one, or the empty one that the profile names: --profile, else the backup's own.
    Until the last step nothing of what is there changes; after a power cut, run the same command again.
    """
    from app.backup.reading import BackupReader
    from app.server.backup.opening import vouched

    output = Output(as_json=as_json)
    reader = BackupReader(file, _opener(given))
    try:
        with progress() as moved:
            checked = reader.check(lambda done, total: moved("Checking", done, total))
        by = vouched(checked, given["keys"])
        if given["check"]:
            output.value(_outline(checked, by), _checked_in_words(checked, by))
        elif given["drill"]:
            _drill(output, reader, checked, given["left_out"])
        else:
            done = _restore(reader, checked, by, given)
            output.value(done, _in_words(done, by))
    finally:
        reader.close()


def _restore(reader: Any, checked: "Checked", by: "Vouched", given: dict[str, Any]) -> "Restored":
    from app.config import load
    from app.core.clock import SystemClock
    from app.server.backup.restore import Wanted, restore_site
    from app.server.folder import default_folder

    if not given["reason"].strip():
        raise InputError("A restore is said to the record.", remedy="Give --reason 'what happened'.")
    profile = load(given["profile"]) if given["profile"] else None
    wanted = Wanted(
        folder=given["data"] or default_folder(),
        profile=profile,
        reason=given["reason"],
        replace=given["replace"],
        keys=given["left_out"],
    )
    with progress() as moved:
        return restore_site(reader, checked, by, wanted=wanted, clock=SystemClock(), progress=moved)


def _drill(output: Output, reader: Any, checked: "Checked", left_out: Path | None) -> None:
    from app.audit.verify import EXIT
    from app.cli.backup.drill import drill

    with progress() as moved:
        report = drill(reader, checked, keys=left_out, progress=moved)
    output.value(report.outline(), f"The backup was restored into a scratch folder: {report.text()}")
    raise click.exceptions.Exit(EXIT[report.verdict])


def _opener(given: dict[str, Any]) -> "Openers":
    from app.backup.age import read_identities, read_passphrase

    identity, words = given["identity"], given["passphrase_file"]
    if (identity is None) == (words is None):
        raise InputError("The backup is encrypted.", remedy="Give --identity FILE or --passphrase-file FILE.")
    return read_identities(identity) if identity is not None else read_passphrase(words)


def _outline(checked: "Checked", by: "Vouched") -> dict[str, Any]:
    manifest = checked.manifest
    return {
        "digest": f"sha256:{checked.digest}",
        "name": checked.contents.digest,
        "created": manifest.created,
        "release": manifest.release,
        "schema": manifest.schema,
        "node": manifest.node,
        "origin": by.origin,
        "sealed": manifest.sealed.size if manifest.sealed else 0,
        "rows": sum(checked.contents.rows.values()),
        "files": manifest.included,
        "left_out": manifest.left_out,
        "elsewhere": manifest.elsewhere,
        "signed_by": by.key,
        "key_given": by.known,
    }


def _checked_in_words(checked: "Checked", by: "Vouched") -> str:
    found = _outline(checked, by)
    vouched = (
        ""
        if by.known
        else "\n  Nobody vouched for that key here: compare it with `audit keys`, or give --key."
    )
    return (
        f"Whole. {found['rows']:,} rows and {len(found['files'])} files of {found['origin']}, {found['created']},"
        f" release {found['release']}, schema {found['schema']}, {found['sealed']} rows sealed.\n"
        f"  {found['digest']}\n  Signed by {by.key}{vouched}"
        + (f"\n  Left out: {', '.join(found['left_out'])}" if found["left_out"] else "")
        + (f"\n  Kept elsewhere: {', '.join(found['elsewhere'])}" if found["elsewhere"] else "")
    )


def _in_words(done: "Restored", by: "Vouched") -> str:
    lines = [f"{done.data}: {done.rows:,} rows and {done.files} files. Declared to the record:"]
    lines += [f"  {one}" for one in done.breaks]
    lines.append(f"The record goes on as {done.origin}. Start the site: sallyport serve --data {done.data}")
    if not by.known:
        lines.append(f"Signed by {by.key}: nobody vouched for that key here; compare it with `audit keys`.")
    if done.replaced:
        lines.append(f"What was there before is in {done.replaced}; remove it when you no longer need it.")
    return "\n".join(lines)
