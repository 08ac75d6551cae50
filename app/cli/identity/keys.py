"""`key`: API keys, shown once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec

from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Call, Resource
from app.core.errors import InputError
from app.identity.budgets import OF_KEYS
from app.identity.keys import Budget
from app.identity.records import ApiKey


@click.group()
def key() -> None:
    """Manage API keys. PREFIX is the part of a key between its underscores."""


def _call(verb: str, name: str, arguments: dict[str, Any] | None = None) -> Call:
    return operator_call(f"admin.key.{verb}", Resource("key", name), arguments)


def _when(text: str | None, *, now: datetime) -> datetime | None:
    """`30d`, `12h`, or an ISO time; without a zone it is UTC."""
    if text is None:
        return None
    amount, unit = text[:-1], text[-1:]
    if amount.isdecimal() and len(amount) <= 5 and unit in ("d", "h"):
        return now + (timedelta(days=int(amount)) if unit == "d" else timedelta(hours=int(amount)))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is not a time.", remedy="Write 30d, 12h or 2027-01-31T12:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _budget(microdollars: int | None, window: str) -> Budget | None:
    return (
        None
        if microdollars is None
        else msgspec.convert({"microdollars": microdollars, "window": window}, Budget)
    )


def budget_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --budget and --window."""
    function = click.option(
        "--window",
        type=click.Choice(["day", "month", "total"]),
        default="month",
        show_default=True,
        help="UTC day, UTC month, or once and for all.",
    )(function)
    return click.option("--budget", type=int, help="Microdollars it may spend: 1000000 is one dollar.")(
        function
    )


@key.command()
@click.argument("owner")
@click.option("--label", default="", help="What it is for.")
@click.option(
    "--scope", "scopes", multiple=True, help="Actions it is good for, such as model.* ; may be repeated."
)
@click.option("--expires", help="When it ends: 30d, 12h, or a time such as 2027-01-31T12:00Z.")
@budget_options
@site_command
async def create(
    site: Site,
    output: Output,
    owner: str,
    scopes: tuple[str, ...],
    expires: str | None,
    **more: Any,
) -> None:
    """Create a key for OWNER, a user or service account, and print it: this once."""
    until = _when(expires, now=site.clock.now())
    budget = _budget(more["budget"], more["window"])
    arguments = {
        "owner": owner,
        "label": more["label"],
        "scopes": list(scopes),
        "expires": until,
        "budget": budget,
    }
    async with site.admission.admit(_call("create", "new", msgspec.to_builtins(arguments))) as passage:
        made = await site.identity.keys.create(
            passage, owner=owner, label=more["label"], scopes=scopes or None, expires=until, budget=budget
        )
        passage.note(result={"prefix": made.key.prefix})
    output.value({**msgspec.to_builtins(made.key), "token": made.token}, made.token)
    if not output.as_json:
        click.echo("Keep it now: it is not shown again.", err=True)


@key.command("list")
@click.option("--owner", help="Only keys of this account.")
@site_command
async def list_keys(site: Site, output: Output, owner: str | None) -> None:
    """List keys, newest first."""
    async with site.admission.admit(_call("list", "*", {"owner": owner} if owner else None)):
        rows = await site.identity.keys.list_all(owner=owner)
    output.table(
        rows,
        {
            "prefix": lambda row: row.prefix,
            "owner": lambda row: row.owner,
            "state": lambda row: row.state,
            "label": lambda row: row.label,
            "scopes": lambda row: "all" if row.scopes is None else ",".join(row.scopes),
            "expires": lambda row: _time(row.expires),
            "last used": lambda row: _time(row.last_used),
        },
    )


@key.command()
@click.argument("prefix")
@site_command
async def show(site: Site, output: Output, prefix: str) -> None:
    """Show a key with what it has spent."""
    async with site.admission.admit(_call("show", _public(prefix))):
        found = await site.identity.keys.find(prefix)
        spending = await site.identity.budgets.history(f"{OF_KEYS}{found.prefix}")
    lines = [_text(found)]
    lines += [
        f"    since {_time(row.starts)}: {row.spent} spent, {row.reserved} held back" for row in spending
    ]
    output.value({**msgspec.to_builtins(found), "spending": msgspec.to_builtins(spending)}, "\n".join(lines))


@key.command()
@click.argument("prefix")
@budget_options
@site_command
async def budget(site: Site, output: Output, prefix: str, budget: int | None, window: str) -> None:
    """Change what a key may spend; without --budget there is no limit."""
    given = _budget(budget, window)
    call = _call("budget", _public(prefix), {"budget": msgspec.to_builtins(given)})
    async with site.admission.admit(call) as passage:
        changed = await site.identity.keys.set_budget(passage, prefix, given)
    output.value(changed, _text(changed))


def _add_state(verb: str, line: str) -> None:
    async def change(site: Site, output: Output, prefix: str) -> None:
        keys = site.identity.keys
        step = {"disable": keys.disable, "enable": keys.enable, "revoke": keys.revoke}[verb]
        async with site.admission.admit(_call(verb, _public(prefix))) as passage:
            changed = await step(passage, prefix)
        output.value(changed, _text(changed))

    key.command(verb, help=line)(click.argument("prefix")(site_command(change)))


def _public(prefix: str) -> str:
    """Never more than the public part, even if a whole key was pasted."""
    return prefix.removeprefix("sp_")[:10]


def _time(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else "never"


def _text(found: ApiKey) -> str:
    lines = [f"{found.prefix}  {found.state}  of {found.owner}  {found.label}".rstrip()]
    lines.append(
        f"    scopes     {'all its owner may do' if found.scopes is None else ', '.join(found.scopes)}"
    )
    lines.append(f"    created    {_time(found.created)} by {found.created_by}")
    lines.append(f"    expires    {_time(found.expires)}")
    lines.append(f"    last used  {_time(found.last_used)}")
    if found.budget_microdollars is not None:
        lines.append(f"    budget     {found.budget_microdollars} microdollars a {found.budget_window}")
    return "\n".join(lines)


_add_state("disable", "Refuse a key until it is enabled again.")
_add_state("enable", "Let a disabled key work again.")
_add_state("revoke", "Refuse a key for good.")
