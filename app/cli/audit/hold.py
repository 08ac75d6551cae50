"""`audit hold`: rows that are neither removed nor erased."""

from datetime import UTC, datetime
from uuid import UUID

import click

from app.audit.retention import Hold, NewHold
from app.audit.retention.holds import LIFT, SET
from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Resource

_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.group()
def hold() -> None:
    """Legal hold: keep rows from being removed or erased."""


@hold.command("set")
@click.option("--user", help="Rows of this user, or about them.")
@click.option("--trace", "trace_id", help="Rows of this trace.")
@click.option("--resource", help="Rows about this resource: KIND:NAME, such as tool:files/read.")
@click.option("--since", "starts", type=_TIME, help="Rows from this UTC time on.")
@click.option("--until", "ends", type=_TIME, help="Rows before this UTC time.")
@click.option("--reason", required=True, help="Why; it is kept for ever.")
@site_command
async def set_hold(
    site: Site,
    output: Output,
    *,
    user: str | None,
    reason: str,
    starts: datetime | None,
    ends: datetime | None,
    **criteria: str | None,
) -> None:
    """Hold rows that fit all that is given."""
    wanted = NewHold(user=user, reason=reason, starts=_utc(starts), ends=_utc(ends), **criteria)
    about = Resource("user", user) if user else Resource("hold", "new")
    arguments = {name: value for name, value in criteria.items() if value} | {"reason": reason}
    async with site.admission.admit(operator_call(SET, about, arguments)) as passage:
        made = await site.keeping.holds.set(passage, wanted)
        passage.note(result={"hold": str(made.hold)})
    output.value(made, f"{made.hold}  {_covers(made)}")


@hold.command("list")
@click.option("--lifted", is_flag=True, help="Those too that were lifted.")
@site_command
async def list_holds(site: Site, output: Output, lifted: bool) -> None:
    """List holds, newest first."""
    async with site.admission.admit(operator_call("admin.hold.list", Resource("hold", "*"))):
        rows = await site.keeping.holds.list_all(lifted=lifted)
    output.table(
        rows,
        {
            "hold": lambda row: row.hold,
            "since": lambda row: row.created.strftime("%Y-%m-%d %H:%M"),
            "covers": _covers,
            "reason": lambda row: row.reason,
            "lifted": lambda row: row.lifted.strftime("%Y-%m-%d %H:%M") if row.lifted else "",
        },
    )


@hold.command()
@click.argument("hold_id", metavar="HOLD", type=click.UUID)
@site_command
async def lift(site: Site, output: Output, hold_id: UUID) -> None:
    """End a hold: what is due then goes with the next run of retention."""
    async with site.admission.admit(operator_call(LIFT, Resource("hold", str(hold_id)))) as passage:
        await site.keeping.holds.lift(passage, hold_id)
    output.value({"hold": str(hold_id), "state": "lifted"}, f"{hold_id} is lifted.")


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _covers(row: Hold) -> str:
    found = [f"user {row.user or row.actor}"] if row.user or row.actor else []
    found += [f"trace {row.trace_id}"] if row.trace_id else []
    found += [f"{row.resource_kind}:{row.resource}"] if row.resource else []
    found += [f"from {row.starts:%Y-%m-%d %H:%M}"] if row.starts else []
    found += [f"until {row.ends:%Y-%m-%d %H:%M}"] if row.ends else []
    return ", ".join(found)
