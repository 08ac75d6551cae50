"""`audit verify|check-proof`: judge an export, a proof, or the site's own record; 0 intact, 1 tampered, 2 cannot tell."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.site import Output, json_option, site_options
from app.core.errors import InputError

if TYPE_CHECKING:
    from app.audit.verify import Anchors, Key, Report


def anchor_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What the auditor brings along."""
    for option in (
        click.option(
            "--key",
            "keys",
            multiple=True,
            help="A verifier key of the record from elsewhere, or a file of them.",
        ),
        click.option(
            "--witness",
            "witnesses",
            multiple=True,
            help="A witness that must have cosigned, or a file of them.",
        ),
    ):
        function = option(function)
    return function


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@anchor_options
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A checkpoint kept elsewhere, which the record must contain.",
)
@click.option(
    "--statements",
    "further",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The file of statements of another node (record/statements in its data folder).",
)
@site_options
@json_option
def verify(
    *,
    path: Path | None,
    keys: tuple[str, ...],
    witnesses: tuple[str, ...],
    checkpoints: tuple[Path, ...],
    further: tuple[Path, ...],
    data: Path | None,
    profile: Path | None,
    as_json: bool,
) -> None:
    """Verify an export (PATH, offline), or without PATH the record in the site's database.

    Exits with 0 if everything is intact, 1 if anything was changed, 2 if it cannot tell.
    """
    from app.audit.verify import verify_export

    anchors = _anchors(keys, witnesses, checkpoints)
    if path is not None:
        if further:
            raise InputError("An export has its statements inside.", remedy="Leave --statements out.")
        report = asyncio.run(verify_export(path, anchors))
    else:
        from app.cli.audit.live import verify_site

        report = verify_site(data, profile, anchors, further)
    _end(report, as_json, str(path or "the record of this site"))


@click.command("check-proof")
@click.argument("proof", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--entry",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The row; default: beside the proof.",
)
@anchor_options
@json_option
def check_proof(
    proof: Path, entry: Path | None, keys: tuple[str, ...], witnesses: tuple[str, ...], as_json: bool
) -> None:
    """Check the proof of one row, offline. Exits with 0, 1 or 2 as `audit verify` does."""
    from app.audit.verify import check_proof as check

    beside = entry or proof.with_name(proof.name.removesuffix(".tlog-proof") + ".entry")
    if not beside.is_file():
        raise InputError(f"The row {beside} is not there.", remedy="Name it by --entry.")
    _end(check(proof.read_bytes(), beside.read_bytes(), _anchors(keys, witnesses)), as_json, str(proof))


def _anchors(keys: Sequence[str], witnesses: Sequence[str], checkpoints: Sequence[Path] = ()) -> "Anchors":
    from app.audit.verify import Anchors

    return Anchors(
        keys=_keys(keys),
        witnesses=_keys(witnesses),
        checkpoints=[(str(path), path.read_bytes()) for path in checkpoints],
    )


def _keys(given: Sequence[str]) -> "list[Key]":
    from app.audit.verify import Unreadable, keys

    try:
        texts = [text if "+" in text else Path(text).read_text(encoding="utf-8") for text in given]
        return keys(texts)
    except (OSError, Unreadable, UnicodeDecodeError) as error:
        # Never 1, which says that the record was tampered with.
        raise InputError(f"The key cannot be used: {error}.", remedy="See `sallyport audit keys`.") from None


def _end(report: "Report", as_json: bool, what: str) -> None:
    from app.audit.verify import EXIT

    Output(as_json=as_json).value(report.outline(), f"{what}: {report.text()}")
    raise click.exceptions.Exit(EXIT[report.verdict])
