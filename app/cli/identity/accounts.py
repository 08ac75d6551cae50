"""`user` and `service`: people and programs with an account of their own."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Call, Resource
from app.core.errors import InputError
from app.identity.accounts import Accounts
from app.identity.records import Account

_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.group()
def user() -> None:
    """Manage users."""


@click.group()
def service() -> None:
    """Manage service accounts: programs that ask in their own name, with API keys and without a password."""


def _accounts(site: Site, kind: str) -> Accounts:
    return site.identity.users if kind == "user" else site.identity.services


def account_call(kind: str, verb: str, name: str, arguments: dict[str, Any] | None = None) -> Call:
    """The operator's call about one account."""
    return operator_call(f"admin.{kind}.{verb}", Resource(kind, name), arguments)


def _text(account: Account) -> str:
    lines = [f"{account.name}  {account.state}  {account.kind}  {account.id}"]
    if account.display_name:
        lines.append(f"    name     {account.display_name}")
    lines.append(f"    roles    {', '.join(account.roles) or '(none)'}")
    lines.append(f"    groups   {', '.join(account.groups) or '(none)'}")
    lines.append(f"    created  {account.created:%Y-%m-%d %H:%M:%S} by {account.created_by}")
    return "\n".join(lines)


async def _create(
    site: Site,
    output: Output,
    kind: str,
    *,
    name: str,
    display_name: str,
    roles: tuple[str, ...],
    groups: tuple[str, ...],
    password: str | None,
) -> None:
    arguments = {"display_name": display_name, "roles": list(roles), "groups": list(groups)}
    async with site.admission.admit(account_call(kind, "create", name, arguments)) as passage:
        account = await _accounts(site, kind).create(
            passage, name=name, display_name=display_name, password=password, roles=roles, groups=groups
        )
        passage.note(result={"id": str(account.id)})
    output.value(account, _text(account))


def asked_password(name: str, file: Path | None) -> str:
    """The password from the file, or from the terminal."""
    if file is not None:
        text = sys.stdin.read() if str(file) == "-" else _contents(file)
        return text.removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        raise InputError(
            "There is no terminal to ask for the password.", remedy="Give --password-file FILE, or - ."
        )
    return click.prompt(f"Password for {name}", hide_input=True, confirmation_prompt=True, err=True)


def _contents(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}.", remedy="Check --password-file.") from None


_ROLES = click.option("--role", "roles", multiple=True, help="A role to give; may be repeated.")
_GROUPS = click.option("--group", "groups", multiple=True, help="A group to join; may be repeated.")
_DISPLAY = click.option("--display-name", default="", help="How people know it.")
PASSWORD_FILE = click.option(
    "--password-file", type=_FILE, help="Read the password from this file; - is standard input."
)


@user.command("create")
@click.argument("name")
@_DISPLAY
@_ROLES
@_GROUPS
@click.option("--ask-password", is_flag=True, help="Ask for a password on the terminal.")
@PASSWORD_FILE
@site_command
async def create_user(
    site: Site, output: Output, ask_password: bool, password_file: Path | None, **given: Any
) -> None:
    """Create a user. Without a password they can sign in by a link only: see `user link`."""
    password = asked_password(given["name"], password_file) if ask_password or password_file else None
    await _create(site, output, "user", password=password, **given)


@service.command("create")
@click.argument("name")
@_DISPLAY
@_ROLES
@_GROUPS
@site_command
async def create_service(site: Site, output: Output, **given: Any) -> None:
    """Create a service account; `key create NAME` then gives it a key."""
    await _create(site, output, "service", password=None, **given)


def _add_shared(parent: click.Group, kind: str) -> None:
    """What users and service accounts have in common."""

    @parent.command("list")
    @click.option("--after", default="", help="Only names after this one: the next page.")
    @click.option(
        "--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="How many."
    )
    @site_command
    async def list_accounts(site: Site, output: Output, after: str, limit: int) -> None:
        """List accounts by name."""
        async with site.admission.admit(account_call(kind, "list", "*")):
            rows = await _accounts(site, kind).list_all(after=after, limit=limit)
        output.table(
            rows,
            {
                "name": lambda row: row.name,
                "state": lambda row: row.state,
                "roles": lambda row: ",".join(row.roles),
                "groups": lambda row: ",".join(row.groups),
                "created": lambda row: row.created.strftime("%Y-%m-%d %H:%M:%S"),
            },
        )

    @parent.command()
    @click.argument("name")
    @site_command
    async def show(site: Site, output: Output, name: str) -> None:
        """Show one account with its roles and groups."""
        async with site.admission.admit(account_call(kind, "show", name)):
            account = await _accounts(site, kind).find(name)
        output.value(account, _text(account))

    @parent.command()
    @click.argument("name")
    @site_command
    async def delete(site: Site, output: Output, name: str) -> None:
        """Delete for good. The name stays taken, because the record knows it."""
        async with site.admission.admit(account_call(kind, "delete", name)) as passage:
            await _accounts(site, kind).delete(passage, name)
        output.value({"name": name, "state": "deleted"}, f"{name} is deleted.")

    _add_state(parent, kind, "disable", "No credential of the account works any more; its sessions end.")
    _add_state(parent, kind, "enable", "The account works again.")
    _add_role(parent, kind, "grant", "Give a role.")
    _add_role(parent, kind, "revoke", "Take a role away.")


def _add_state(parent: click.Group, kind: str, verb: str, line: str) -> None:
    async def change(site: Site, output: Output, name: str) -> None:
        async with site.admission.admit(account_call(kind, verb, name)) as passage:
            accounts = _accounts(site, kind)
            account = await (accounts.enable if verb == "enable" else accounts.disable)(passage, name)
        output.value(account, _text(account))

    parent.command(verb, help=line)(click.argument("name")(site_command(change)))


def _add_role(parent: click.Group, kind: str, verb: str, line: str) -> None:
    async def change(site: Site, output: Output, name: str, role: str) -> None:
        async with site.admission.admit(account_call(kind, verb, name, {"role": role})) as passage:
            accounts = _accounts(site, kind)
            account = await (accounts.grant if verb == "grant" else accounts.revoke)(passage, name, role)
        output.value(account, _text(account))

    command: Callable[..., None] = click.argument("name")(click.argument("role")(site_command(change)))
    parent.command(verb, help=line)(command)


_add_shared(user, "user")
_add_shared(service, "service")
