"""What the commands share: the call that is admitted, and where a value is read from."""

import sys
from pathlib import Path
from typing import Any

import click

from app.cli.site import operator_call
from app.core.call import Call, Resource
from app.core.errors import InputError
from app.secrets.names import LONGEST
from app.secrets.records import StoredSecret

VALUE_FILE = click.option(
    "--file",
    "value_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read the value from a file; - for standard input.",
)
EXACT = click.option("--exact", is_flag=True, help="Keep a line break at the end of what is read.")


def secret_call(verb: str, name: str, arguments: dict[str, Any] | None = None) -> Call:
    """The operator's own call; values are never among its arguments."""
    return operator_call(f"admin.secret.{verb}", Resource("secret", name[:64]), arguments)


def asked_value(name: str, value_file: Path | None, *, exact: bool) -> bytes:
    """From a file, from standard input when it is no terminal, or typed twice."""
    if value_file is not None and str(value_file) != "-":
        data = _from_file(value_file)
    elif value_file is None and sys.stdin.isatty():
        return _typed(name).encode()
    else:
        data = sys.stdin.buffer.read(LONGEST + 3)
    if not exact:
        data = data.removesuffix(b"\n").removesuffix(b"\r")
    return data


def _from_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST + 3)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).", remedy="Check --file.") from None


def _typed(name: str) -> str:
    return click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt="Once more", err=True)


def lines(shown: StoredSecret) -> str:
    """A secret as people read it."""
    found = [f"{shown.name}  version {shown.version}  {shown.purpose}".rstrip()]
    found.append(f"    created    {_time(shown.created)} by {shown.created_by}")
    found.append(f"    changed    {_time(shown.changed)} by {shown.changed_by}")
    found.append(f"    granted    {', '.join(shown.recipients) or 'to nobody'}")
    found.append(f"    declared   {', '.join(shown.used_by) or 'by nobody'} in this node's profile")
    if shown.problem:
        found.append(f"    problem    {shown.problem}")
    return "\n".join(found)


def _time(moment: Any) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
