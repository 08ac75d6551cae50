"""`completion`: shell completion."""

import click
from click.shell_completion import get_completion_class

from app.core.errors import InputError


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script; for bash: eval "$(sallyport completion bash)"."""
    from app.cli.root import sallyport

    kind = get_completion_class(shell)
    if kind is None:
        raise InputError(f"There is no completion for {shell}.", remedy="Use bash, zsh or fish.")
    click.echo(kind(sallyport, {}, "sallyport", "_SALLYPORT_COMPLETE").source())
