"""`help`: the whole manual, from inside the file."""

import click

from app.core.errors import NotFoundError
from app.core.paths import page, topics


@click.command("help")
@click.argument("topic", required=False)
def manual(topic: str | None) -> None:
    """Read the manual: without TOPIC the list of topics."""
    found = topics()
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
    click.echo_via_pager(text)
