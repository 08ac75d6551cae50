"""`budget set|list|show|remove`: what people, groups, keys, agents and models may cost."""

from datetime import datetime
from typing import Any

import click
import msgspec

from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Call, Resource
from app.core.errors import InputError
from app.identity.budgets import Budget, BudgetStanding, Spending, Wanted

_KINDS = ("user", "service", "agent", "group", "key")


@click.group()
def budget() -> None:
    """Manage budgets: what may be spent on models, by whom, in which window of time."""


def _call(verb: str, name: str, arguments: dict[str, Any] | None = None) -> Call:
    return operator_call(f"admin.budget.{verb}", Resource("budget", name), arguments)


@budget.command("set")
@click.argument("name")
@click.option("--everyone", is_flag=True, help="All calls of the site together.")
@click.option("--user", help="All calls of this user.")
@click.option("--service", help="All calls of this service account.")
@click.option("--agent", help="All calls of this agent.")
@click.option("--group", help="All calls of this group's members together.")
@click.option("--key", help="All calls with this API key: its PREFIX.")
@click.option("--apart", is_flag=True, help="Each of the group or of everyone has the whole amount.")
@click.option(
    "--model", "models", multiple=True, help="Only these models, such as claude-opus-* ; may be repeated."
)
@click.option(
    "--unit",
    type=click.Choice(["microdollars", "tokens", "requests"]),
    default="microdollars",
    show_default=True,
    help="What is counted: 1000000 microdollars are one dollar.",
)
@click.option("--hard", type=int, help="No call that may go beyond this is let through.")
@click.option("--soft", type=int, multiple=True, help="An event when this is reached; may be repeated.")
@click.option(
    "--window",
    type=click.Choice(["hour", "day", "week", "month", "total"]),
    default="month",
    show_default=True,
    help="By the calendar, or once and for all.",
)
@click.option(
    "--rolling", is_flag=True, help="The last hour, 24 hours, 7 or 30 days instead of the calendar."
)
@click.option("--zone", default="UTC", show_default=True, help="Whose calendar, such as Europe/Berlin.")
@site_command
async def set_budget(site: Site, output: Output, name: str, everyone: bool, **given: Any) -> None:
    """Set budget NAME, or replace it: what was spent stays counted while the window is the same."""
    subjects = [(kind, given.pop(kind)) for kind in _KINDS]
    named = [one for one in [*subjects, ("everyone", "" if everyone else None)] if one[1] is not None]
    if len(named) != 1:
        raise InputError(
            "A budget has one subject.",
            remedy="Give one of --everyone, --user, --service, --agent, --group and --key.",
        )
    ((kind, subject),) = named
    wanted = msgspec.convert(
        {
            "name": name,
            "subject_kind": kind,
            "subject": subject.removeprefix("sp_")[:10] if kind == "key" else subject,
            "period": given.pop("window"),
            **given,
        },
        Wanted,
    )
    async with site.admission.admit(_call("set", name, msgspec.to_builtins(wanted))) as passage:
        made = await site.identity.limits.put(passage, wanted)
    output.value(made, _text(made, ()))


@budget.command("list")
@site_command
async def list_budgets(site: Site, output: Output) -> None:
    """List budgets with what is spent in their present windows."""
    async with site.admission.admit(_call("list", "*")):
        rows = await site.identity.limits.standing()
    output.table(
        rows,
        {
            "name": lambda row: row.budget.name,
            "whose": lambda row: _whose(row.budget),
            "models": lambda row: ",".join(row.budget.models) or "all",
            "window": lambda row: _window(row.budget),
            "hard": lambda row: "none" if row.budget.hard is None else row.budget.hard,
            "spent": lambda row: max((one.spent for one in row.spending), default=0),
            "held back": lambda row: max((one.reserved for one in row.spending), default=0),
            "unit": lambda row: row.budget.unit,
        },
    )


@budget.command()
@click.argument("name")
@site_command
async def show(site: Site, output: Output, name: str) -> None:
    """Show a budget with its last windows."""
    async with site.admission.admit(_call("show", name)):
        found = await site.identity.limits.find(name)
        spending = await site.identity.budgets.history(name)
    output.value(BudgetStanding(budget=found, spending=tuple(spending)), _text(found, tuple(spending)))


@budget.command()
@click.argument("name")
@site_command
async def remove(site: Site, output: Output, name: str) -> None:
    """Remove a budget with what it counted; the record keeps what every call cost."""
    async with site.admission.admit(_call("remove", name)) as passage:
        await site.identity.limits.remove(passage, name)
    output.value({"removed": name}, f"Budget {name} is removed.")


def _whose(found: Budget) -> str:
    whose = " ".join(part for part in (found.subject_kind, found.subject) if part)
    return f"each of {whose}" if found.apart else whose


def _window(found: Budget) -> str:
    if found.rolling:
        return f"rolling {found.period}"
    return found.period if found.zone == "UTC" else f"{found.period} ({found.zone})"


def _text(found: Budget, spending: tuple[Spending, ...]) -> str:
    lines = [f"{found.name}  {_whose(found)}"]
    lines.append(f"    models  {', '.join(found.models) or 'all'}")
    lines.append(f"    window  {_window(found)}")
    if found.hard is not None:
        lines.append(f"    hard    {found.hard} {found.unit}")
    if found.soft:
        lines.append(f"    soft    {', '.join(map(str, found.soft))} {found.unit}")
    for row in spending:
        whose = f" by {row.holder}" if row.holder else ""
        lines.append(f"    since {_time(row.starts)}{whose}: {row.spent} spent, {row.reserved} held back")
    return "\n".join(lines)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
