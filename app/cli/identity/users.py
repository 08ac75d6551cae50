"""`user`, what only people have: passwords, sign-in links, console sessions."""

from pathlib import Path

import click

from app.cli.identity.accounts import PASSWORD_FILE, account_call, asked_password, user
from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Resource


@user.command()
@click.argument("name")
@PASSWORD_FILE
@site_command
async def password(site: Site, output: Output, name: str, password_file: Path | None) -> None:
    """Set a user's password; their sessions end."""
    plain = asked_password(name, password_file)
    async with site.admission.admit(account_call("user", "password", name)) as passage:
        account = await site.identity.users.set_password(passage, name, plain)
    output.value(account, f"{name} has a new password; earlier sessions have ended.")


@user.command()
@click.argument("name")
@site_command
async def unlock(site: Site, output: Output, name: str) -> None:
    """Lift the lock that failed sign-ins put on a user."""
    async with site.admission.admit(account_call("user", "unlock", name)) as passage:
        account = await site.identity.users.unlock(passage, name)
    output.value(account, f"{name} may try again.")


@user.command()
@click.argument("name")
@site_command
async def link(site: Site, output: Output, name: str) -> None:
    """Print the address on this site that signs a user in to the console once, within 15 minutes."""
    async with site.admission.admit(account_call("user", "link", name)) as passage:
        token = await site.identity.setup.mint_sign_in(passage, name)
    output.value({"name": name, "token": token, "path": f"/console/link/{token}"}, f"/console/link/{token}")


@user.command()
@click.argument("name", required=False)
@site_command
async def sessions(site: Site, output: Output, name: str | None) -> None:
    """List console sessions, of one user or of all."""
    async with site.admission.admit(operator_call("admin.session.list", Resource("user", name or "*"))):
        rows = await site.identity.sessions.list_all(account=name)
    output.table(
        rows,
        {
            "user": lambda row: row.account,
            "since": lambda row: row.created.strftime("%Y-%m-%d %H:%M:%S"),
            "last used": lambda row: row.last_used.strftime("%Y-%m-%d %H:%M:%S"),
            "address": lambda row: row.address,
            "id": lambda row: row.id,
        },
    )


@user.command("sign-out")
@click.argument("name")
@site_command
async def sign_out(site: Site, output: Output, name: str) -> None:
    """End all console sessions of a user now."""
    async with site.admission.admit(operator_call("admin.session.end", Resource("user", name))) as passage:
        await site.identity.sessions.end_all(passage, name)
    output.value({"name": name}, f"{name} is signed out everywhere.")
