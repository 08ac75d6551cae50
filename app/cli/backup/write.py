"""`backup`: write the whole site into one encrypted file, while it serves."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from app.backup.age import Identity, Passphrase, Recipient, read_passphrase, read_recipients
from app.cli.site import Output, Site, json_option, operator_call, site_command, site_options
from app.core.call import Resource
from app.core.errors import InputError
from app.server.backup.files import KINDS
from app.server.backup.schedule import noted
from app.server.backup.write import Order, Written, write_backup

Progress = Callable[[str, int, int], None]


@click.group(invoke_without_command=True)
@click.option("--output", "file", type=click.Path(path_type=Path, dir_okay=False), help="The new file.")
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    help="A public key (age1…) that may open it; may be given often.",
)
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with the passphrase that opens it, instead of recipients.",
)
@click.option(
    "--leave-out",
    multiple=True,
    type=click.Choice(KINDS),
    help="Keep this out of the file; may be given often.",
)
@site_options
@json_option
@click.pass_context
def backup(ctx: click.Context, /, **given: Any) -> None:
    """Write the whole site into one encrypted file, while it serves, and read it back.

    Without --recipient the recipients of the profile's `backup` section may open it. The file is of the age format:
    `age -d` and `tar` take it apart without Sallyport.
    """
    if ctx.invoked_subcommand is None:
        _write(**given)


@site_command
async def _write(
    site: Site,
    output: Output,
    **given: Any,
) -> None:
    if given["file"] is None:
        raise InputError("The backup needs a name.", remedy="Give --output FILE.")
    order = Order(path=given["file"].absolute(), to=_openers(site, given), left_out=given["leave_out"])
    call = operator_call("admin.backup", Resource("site", "backup"), {"file": str(order.path)})
    async with site.admission.admit(call) as passage:
        with progress() as moved:
            done = await write_backup(
                site.profile,
                folder=site.folder,
                url=site.database_url,
                clock=site.clock,
                order=order,
                progress=moved,
            )
        passage.note(result=noted(done))
    output.value(done, _in_words(done))


def _openers(site: Site, given: dict[str, Any]) -> list[Recipient] | Passphrase:
    words, recipients = given["passphrase_file"], given["recipients"]
    if words is not None and recipients:
        raise InputError("A file is opened by keys or by a passphrase.", remedy="Give one of the two.")
    if words is not None:
        return read_passphrase(words)
    found = read_recipients(recipients or site.profile.backup.recipients)
    if not found:
        raise InputError(
            "Nobody could open the backup.",
            remedy="Give --recipient age1… (see `sallyport backup new-key`) or --passphrase-file FILE.",
        )
    return found


def _in_words(done: Written) -> str:
    lines = [
        f"{done.file}: {done.size:,} bytes, {done.rows:,} rows, {len(done.included)} files; read back and whole.",
        f"  {done.digest}",
    ]
    if done.left_out:
        lines.append(f"  Left out, keep them apart: {', '.join(done.left_out)}")
    if done.elsewhere:
        lines.append(f"  Not in the data folder, and so not in it: {', '.join(done.elsewhere)}")
    return "\n".join(lines)


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar on a terminal, nothing anywhere else."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    with click.progressbar(length=1, file=sys.stderr) as bar:

        def moved(what: str, done: int, total: int) -> None:
            bar.label, bar.length = what, max(1, total)
            bar.update(min(done, bar.length) - bar.pos)

        yield moved


@backup.command("new-key")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def new_key(file: Path, as_json: bool) -> None:
    """Make a key pair for backups: the private half into a new FILE, the public one is printed.

    Make it where backups will be opened, not on the server: the server needs the public half only.
    """
    identity = Identity.new()
    text = f"# Opens backups made for {identity.recipient}. Keep it apart from them.\n{identity.render()}\n"
    try:
        number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise InputError(f"{file} exists already.", remedy="Choose another name.") from None
    with os.fdopen(number, "w", encoding="ascii") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    Output(as_json=as_json).value({"recipient": str(identity.recipient)}, str(identity.recipient))
