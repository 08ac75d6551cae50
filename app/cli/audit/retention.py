"""`audit retention`: what is over, what goes, what went."""

import click

from app.audit.retention import Due
from app.audit.retention.retention import RUN
from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Resource

_ABOUT = Resource("record", "retention")


@click.group()
def retention() -> None:
    """Remove what is older than `record.retention` allows; a serving site does so every day."""


@retention.command()
@site_command
async def plan(site: Site, output: Output) -> None:
    """Show what is due, and what keeps rows that are due."""
    async with site.admission.admit(operator_call("admin.retention.plan", _ABOUT)):
        rows = await site.keeping.retention.plan()
    output.table(
        rows,
        {
            "month": lambda due: f"{due.month:%Y-%m}",
            "classes": lambda due: ",".join(due.classes),
            "rows": lambda due: due.rows,
            "how": lambda due: "the whole month" if due.whole else "row by row",
            "kept": _kept,
        },
    )


@retention.command()
@site_command
async def run(site: Site, output: Output) -> None:
    """Remove now what is due; the site must be serving, because each statement is sealed first."""
    async with site.admission.admit(operator_call(RUN, _ABOUT)) as passage:
        removed = await site.keeping.retention.run(passage)
        passage.note(result={"rows": sum(one.rows for one in removed), "statements": len(removed)})
    output.table(
        removed,
        {
            "month": lambda one: f"{one.month:%Y-%m}",
            "classes": lambda one: ",".join(one.classes),
            "rows": lambda one: one.rows,
            "statement": lambda one: one.statement,
        },
    )


@retention.command()
@site_command
async def status(site: Site, output: Output) -> None:
    """Show what was removed so far, newest first."""
    async with site.admission.admit(operator_call("admin.retention.status", _ABOUT)):
        rows = await site.keeping.retention.status()
    output.table(
        rows,
        {
            "removed": lambda one: f"{one.removed:%Y-%m-%d %H:%M}",
            "month": lambda one: f"{one.month:%Y-%m}",
            "classes": lambda one: ",".join(one.classes),
            "rows": lambda one: one.rows,
            "held": lambda one: one.held,
            "statement": lambda one: one.statement,
        },
    )


def _kept(due: Due) -> str:
    reasons = [f"{due.held} under legal hold"] if due.held else []
    reasons += [f"{due.unsealed} not sealed yet"] if due.unsealed else []
    return ", ".join(reasons)
