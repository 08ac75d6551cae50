"""`prices show|check|diff`: the table by which calls are priced, and what another one would change."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.site import Output, json_option, site_options, site_profile
from app.core.clock import SystemClock
from app.core.errors import NotFoundError

if TYPE_CHECKING:
    from app.gateway.money import PriceTable

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def prices() -> None:
    """See what calls cost: the table in force, a table before it is brought in, and how the two differ."""


@prices.command()
@click.argument("model", default="")
@site_options
@json_option
def show(data: Path | None, profile: Path | None, as_json: bool, model: str) -> None:
    """Show the table in force, or what it says of MODEL: microdollars per million."""
    from app.gateway.money import today, told

    _, folder = site_profile(data, profile)
    table, day = _in_force(folder), today(SystemClock().now())
    names = [model] if model else sorted(table.prices)
    if model and table.entry(model) is None:
        raise NotFoundError(
            f"The price table {table.version} has no entry {model[:80]!r}.",
            remedy="See `sallyport prices show`.",
        )
    rows = [
        {
            "entry": price.entry,
            "since": price.since.isoformat() if price.since else "",
            "holds": price.holds(day),
            "price": told(price),
        }
        for name in names
        for price in table.prices[table.entry(name) or name]
    ]
    output = Output(as_json=as_json)
    if as_json:
        output.value({"version": table.version, "prices": rows})
        return
    click.echo(f"Price table {table.version}")
    output.table(
        rows,
        {
            "entry": lambda row: row["entry"],
            "since": lambda row: row["since"] or "always",
            "now": lambda row: "yes" if row["holds"] else "no",
            "microdollars per million": lambda row: _line(row["price"]),
        },
    )


@prices.command()
@click.argument("file", type=_FILE, required=False)
@site_options
@json_option
def check(data: Path | None, profile: Path | None, as_json: bool, file: Path | None) -> int:
    """Check FILE, or the table in force: is it whole, and has every model of this site a price?

    Exit code 1 when a model has none today.
    """
    from app.gateway.money import read_prices
    from app.server.rooms.money import price_findings

    loaded, folder = site_profile(data, profile)
    table = read_prices(file) if file else _in_force(folder)
    findings = price_findings(loaded, table, SystemClock().now())
    output = Output(as_json=as_json)
    if as_json:
        output.value({"version": table.version, "entries": len(table.prices), "findings": findings})
    else:
        for finding in findings:
            click.echo(f"{finding.state:<5} {finding.found}")
            if finding.remedy:
                click.echo(f"      {finding.remedy}")
    return int(any(finding.state == "fail" for finding in findings))


@prices.command()
@click.argument("file", type=_FILE)
@site_options
@json_option
def diff(data: Path | None, profile: Path | None, as_json: bool, file: Path) -> None:
    """Show what FILE changes against the table in force."""
    from app.gateway.money import changes, read_prices

    _, folder = site_profile(data, profile)
    before, after = _in_force(folder), read_prices(file)
    found = changes(before, after)
    output = Output(as_json=as_json)
    if as_json:
        output.value({"from": before.version, "to": after.version, "changes": found})
        return
    click.echo(f"From price table {before.version} to {after.version}: {len(found)} changes")
    for change in found:
        name = f"{change.entry} from {change.since}" if change.since else change.entry
        click.echo(name)
        for sign, side in (("-", change.before), ("+", change.after)):
            if side:
                click.echo(f"  {sign} {_line(side)}")


def _in_force(folder: Path) -> "PriceTable":
    # The gateway brings the HTTP client along: too much for those who only ask for help.
    from app.server.rooms.money import table_in_force

    return table_in_force(folder)


def _line(price: dict[str, Any]) -> str:
    parts = [
        f"{name}({_line(value)})" if isinstance(value, dict) else f"{name}={value}"
        for name, value in price.items()
    ]
    return " ".join(parts) or "nothing"
