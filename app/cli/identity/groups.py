"""`group` and `role`: who belongs together, and what they are."""

from collections.abc import Awaitable, Callable

import click
import msgspec

from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Call, Resource
from app.core.passage import Passage
from app.identity.records import Group, Role


@click.group()
def group() -> None:
    """Manage groups: departments, projects, teams."""


@click.group()
def role() -> None:
    """Manage roles; `user grant` and `group grant` give them."""


def _call(kind: str, verb: str, name: str, **arguments: str) -> Call:
    return operator_call(f"admin.{kind}.{verb}", Resource(kind, name), dict(arguments) or None)


_DESCRIPTION = click.option("--description", default="", help="One line for people.")


@group.command("create")
@click.argument("name")
@_DESCRIPTION
@site_command
async def create_group(site: Site, output: Output, name: str, description: str) -> None:
    """Create an empty group."""
    async with site.admission.admit(_call("group", "create", name, description=description)) as passage:
        made = await site.identity.groups.create(passage, name=name, description=description)
    _print_group(output, made)


@group.command("list")
@site_command
async def list_groups(site: Site, output: Output) -> None:
    """List groups by name."""
    async with site.admission.admit(_call("group", "list", "*")):
        rows = await site.identity.groups.list_all()
    output.table(
        rows,
        {
            "name": lambda row: row.name,
            "members": lambda row: len(row.members),
            "roles": lambda row: ",".join(row.roles),
            "description": lambda row: row.description,
        },
    )


@group.command("show")
@click.argument("name")
@site_command
async def show_group(site: Site, output: Output, name: str) -> None:
    """Show a group with its members and roles."""
    async with site.admission.admit(_call("group", "show", name)):
        found = await site.identity.groups.find(name)
    _print_group(output, found)


@group.command("delete")
@click.argument("name")
@site_command
async def delete_group(site: Site, output: Output, name: str) -> None:
    """Delete a group; its members stay, without what it gave them."""
    async with site.admission.admit(_call("group", "delete", name)) as passage:
        await site.identity.groups.delete(passage, name)
    output.value({"name": name, "state": "deleted"}, f"{name} is deleted.")


@group.command()
@click.argument("name")
@click.argument("account")
@site_command
async def add(site: Site, output: Output, name: str, account: str) -> None:
    """Put a user or service account in a group."""
    await _change(site, output, _call("group", "add", name, account=account), site.identity.groups.add)


@group.command()
@click.argument("name")
@click.argument("account")
@site_command
async def remove(site: Site, output: Output, name: str, account: str) -> None:
    """Take a user or service account out of a group."""
    await _change(site, output, _call("group", "remove", name, account=account), site.identity.groups.remove)


@group.command()
@click.argument("name")
@click.argument("role")
@site_command
async def grant(site: Site, output: Output, name: str, role: str) -> None:
    """Give a role to all members of a group."""
    await _change(site, output, _call("group", "grant", name, role=role), site.identity.groups.grant)


@group.command()
@click.argument("name")
@click.argument("role")
@site_command
async def revoke(site: Site, output: Output, name: str, role: str) -> None:
    """Take a role that a group gives."""
    await _change(site, output, _call("group", "revoke", name, role=role), site.identity.groups.revoke)


async def _change(
    site: Site, output: Output, call: Call, change: Callable[[Passage, str, str], Awaitable[Group]]
) -> None:
    (operand,) = (call.arguments or {}).values()
    async with site.admission.admit(call) as passage:
        changed = await change(passage, call.resource.name, operand)
    _print_group(output, changed)


def _print_group(output: Output, found: Group) -> None:
    lines = [f"{found.name}  {found.description}".rstrip()]
    lines.append(f"    members  {', '.join(found.members) or '(none)'}")
    lines.append(f"    roles    {', '.join(found.roles) or '(none)'}")
    output.value(found, "\n".join(lines))


@role.command("create")
@click.argument("name")
@_DESCRIPTION
@site_command
async def create_role(site: Site, output: Output, name: str, description: str) -> None:
    """Create a role; policies say what it may do."""
    async with site.admission.admit(_call("role", "create", name, description=description)) as passage:
        made = await site.identity.roles.create(passage, name=name, description=description)
    _print_role(output, made)


@role.command("list")
@site_command
async def list_roles(site: Site, output: Output) -> None:
    """List roles with how many have them directly."""
    async with site.admission.admit(_call("role", "list", "*")):
        rows = await site.identity.roles.list_all()
    output.table(
        rows,
        {
            "name": lambda row: row.name,
            "accounts": lambda row: len(row.accounts),
            "groups": lambda row: len(row.groups),
            "description": lambda row: row.description + (" (built in)" if row.built_in else ""),
        },
    )


@role.command("show")
@click.argument("name")
@site_command
async def show_role(site: Site, output: Output, name: str) -> None:
    """Show who has a role."""
    async with site.admission.admit(_call("role", "show", name)):
        found = await site.identity.roles.find(name)
    _print_role(output, found)


@role.command("delete")
@click.argument("name")
@site_command
async def delete_role(site: Site, output: Output, name: str) -> None:
    """Take a role from everybody and delete it; built-in roles stay."""
    async with site.admission.admit(_call("role", "delete", name)) as passage:
        await site.identity.roles.delete(passage, name)
    output.value({"name": name, "state": "deleted"}, f"{name} is deleted.")


def _print_role(output: Output, found: Role) -> None:
    lines = [f"{found.name}  {found.description}".rstrip()]
    lines.append(f"    accounts {', '.join(found.accounts) or '(none)'}")
    lines.append(f"    groups   {', '.join(found.groups) or '(none)'}")
    output.value(msgspec.to_builtins(found), "\n".join(lines))
