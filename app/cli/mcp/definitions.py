"""`mcp pending|definitions|diff|approve|reject`: what tool servers offer, as a person has to judge it."""

import sys

import click
import msgspec

from app.catalog import Kind
from app.catalog.review import APPROVE, REJECT, Judged, Shown, Standing, digest_of_all, resource
from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Resource
from app.core.errors import InputError

_KIND = click.option(
    "--kind",
    type=click.Choice(["tool", "prompt", "template", "skill"]),
    default="tool",
    show_default=True,
    help="What NAME is; without NAME the server's own introduction is meant.",
)
_DIGEST = click.option(
    "--digest", default="", help="What you have seen: the digest that `diff` or `pending` shows."
)


@click.command()
@click.argument("server", default="")
@site_command
async def pending(site: Site, output: Output, server: str) -> None:
    """List what waits for a person's approval, of SERVER or of all."""
    async with site.admission.admit(operator_call("admin.tool.list", Resource("tool", f"{server or '*'}/*"))):
        lines = await site.review.pending(server)
    _table(output, lines)
    if server and lines and not output.as_json:
        click.echo(f"\nAll of it: sallyport mcp approve {server} --all --digest {digest_of_all(lines)[:23]}")


@click.command()
@click.argument("server", default="")
@site_command
async def definitions(site: Site, output: Output, server: str) -> None:
    """List everything that was ever seen of SERVER or of all, and how it stands."""
    async with site.admission.admit(operator_call("admin.tool.list", Resource("tool", f"{server or '*'}/*"))):
        lines = await site.review.overview(server)
    _table(output, lines)


@click.command()
@click.argument("server")
@click.argument("name", default="")
@_KIND
@site_command
async def diff(site: Site, output: Output, server: str, name: str, kind: Kind) -> None:
    """Show a definition against the approved one, what the scan says, and who judged it before."""
    shown = await _shown(site, _key(server, name, kind))
    output.value(shown, _told(shown))


@click.command()
@click.argument("server")
@click.argument("name", default="")
@_KIND
@_DIGEST
@click.option("--all", "everything", is_flag=True, help="Everything of SERVER that waits.")
@site_command
async def approve(
    site: Site, output: Output, *, server: str, name: str, kind: Kind, digest: str, everything: bool
) -> None:
    """Let a definition be used exactly as it is shown. Without --digest it is shown first, and you are asked."""
    if everything:
        if name or not digest:
            raise InputError(
                "--all needs --digest and no NAME.", remedy=f"See `sallyport mcp pending {server}`."
            )
        arguments = {"digest": digest, "all": True}
        async with site.admission.admit(
            operator_call(APPROVE, Resource("server", server), arguments)
        ) as passage:
            judged = await site.review.approve_all(passage, server, digest)
            passage.note(result={"approved": msgspec.to_builtins(judged)})
        output.value(judged, f"{len(judged)} definitions of {server} are approved.")
        return
    key = _key(server, name, kind)
    digest = digest or await _asked(site, key, "Approve")
    async with site.admission.admit(operator_call(APPROVE, resource(key), {"digest": digest})) as passage:
        one = await site.review.approve(passage, key, digest)
        passage.note(result=msgspec.to_builtins(one))
    output.value(one, _said(one))


@click.command()
@click.argument("server")
@click.argument("name", default="")
@_KIND
@_DIGEST
@site_command
async def reject(site: Site, output: Output, *, server: str, name: str, kind: Kind, digest: str) -> None:
    """Refuse a definition: it is not used, and does not wait again. What was approved before may come back."""
    key = _key(server, name, kind)
    digest = digest or await _asked(site, key, "Reject")
    async with site.admission.admit(operator_call(REJECT, resource(key), {"digest": digest})) as passage:
        one = await site.review.reject(passage, key, digest)
        passage.note(result=msgspec.to_builtins(one))
    output.value(one, _said(one))


def _key(server: str, name: str, kind: Kind) -> tuple[str, Kind, str]:
    return (server, kind, name) if name else (server, "server", "")


async def _shown(site: Site, key: tuple[str, Kind, str]) -> Shown:
    async with site.admission.admit(operator_call("admin.tool.show", resource(key))):
        return await site.review.show(key)


async def _asked(site: Site, key: tuple[str, Kind, str], verb: str) -> str:
    """The digest that a person at a terminal has just seen and agreed to."""
    if not sys.stdin.isatty():
        raise InputError("Say which definition is meant.", remedy="Give --digest, as `mcp diff` shows it.")
    shown = await _shown(site, key)
    click.echo(_told(shown), err=True)
    click.confirm(f"{verb} {shown.digest[:23]}…?", abort=True, err=True)
    return shown.digest


def _table(output: Output, lines: list[Standing]) -> None:
    output.table(
        lines,
        {
            "server": lambda line: line.server,
            "kind": lambda line: line.kind,
            "name": lambda line: line.name,
            "state": lambda line: line.state,
            "findings": lambda line: ", ".join(
                sorted({found.code for found in line.findings if found.grade != "note"})
            ),
            "digest": lambda line: line.digest[:23],
        },
    )


def _told(shown: Shown) -> str:
    what = f"{shown.kind} {shown.server}/{shown.name}" if shown.name else f"introduction of {shown.server}"
    lines = [f"{what}: {shown.state}", f"digest {shown.digest}"]
    lines += [f"{found.grade:5} {found.code} in {found.where}: {found.excerpt}" for found in shown.findings]
    lines += ["", shown.diff.rstrip("\n") or "No difference from what is approved.", ""]
    lines += [
        f"{one.judged:%Y-%m-%d %H:%M:%S} {one.verdict} by {one.author}: {one.digest[:23]}"
        for one in shown.judgments
    ]
    return "\n".join(lines).rstrip()


def _said(judged: Judged) -> str:
    what = f"{judged.server}/{judged.name}" if judged.name else judged.server
    return f"{what} is {judged.verdict}: {judged.digest[:23]}."
