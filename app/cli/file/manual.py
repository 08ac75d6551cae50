"""`help`: the whole manual, from inside the file."""

import json

import click

from app.core.errors import NotFoundError
from app.core.paths import page, topics


@click.command("help")
@click.argument("topic", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def manual(topic: str | None, as_json: bool) -> None:
    """Read the manual: without TOPIC the list of topics."""
    found = topics()
    if topic is None and as_json:
        click.echo(json.dumps(found))
        return
    if topic is None:
        width = max(map(len, found), default=0)
        for name, title in found.items():
            click.echo(f"{name.ljust(width)}  {title}")
        click.echo("\nRead one with: sallyport help TOPIC")
        return
    text = page(topic)
    if text is None:
        near = ", ".join(name for name in found if topic in name) or "see `sallyport help`"
        raise NotFoundError(f"There is no topic {topic}.", remedy=f"Near: {near}.")
    if as_json:
        click.echo(json.dumps({"topic": topic, "markdown": text}))
        return
    click.echo_via_pager(text)
