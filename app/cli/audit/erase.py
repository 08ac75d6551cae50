"""`audit erase`: the key of a person's values is destroyed."""

import sys

import click
import msgspec

from app.audit.subjects.erasure import ErasurePlan
from app.audit.subjects.persons import ERASE
from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Resource
from app.core.errors import InputError


@click.command()
@click.argument("user")
@click.option("--reason", required=True, help="Why, without naming the person: it is kept for ever.")
@click.option("--also-disable", is_flag=True, help="Disable an account that is still active.")
@click.option("--confirm", help="The name once more, instead of typing it.")
@click.option("--dry-run", is_flag=True, help="Only show what would be erased and what stands against it.")
@site_command
async def erase(
    site: Site,
    output: Output,
    *,
    user: str,
    reason: str,
    also_disable: bool,
    confirm: str | None,
    dry_run: bool,
) -> None:
    """Erase a person from the record, for ever.

    The key that sealed their values is destroyed, and the account deleted. Every row stays, and the record still
    verifies; what the rows held of the person can be read by nobody any more. Backups hold it as long as you keep
    them.
    """
    if dry_run:
        call = operator_call("admin.subject.plan", Resource("user", user))
        async with site.admission.admit(call):
            plan = await site.keeping.erasures.plan(user, also_disable=also_disable)
        output.value(plan, _text(user, plan))
        return
    _confirm(user, confirm)
    call = operator_call(ERASE, Resource("user", user), {"also_disable": also_disable})
    async with site.admission.admit(call) as passage:
        done = await site.keeping.erasures.erase(passage, user, reason=reason, also_disable=also_disable)
    text = f"Erased: subject {done.subject}, {done.rows} rows. The record says so in row {done.event}."
    output.value(msgspec.to_builtins(done), text)


def _confirm(user: str, given: str | None) -> None:
    if given is None:
        if not sys.stdin.isatty():
            raise InputError("There is no terminal to confirm on.", remedy=f"Give --confirm {user} .")
        given = click.prompt(f"This cannot be undone. Type {user} to erase them", err=True)
    if given != user:
        raise InputError("That is not the name; nothing was erased.", remedy="Type the user's name exactly.")


def _text(user: str, plan: ErasurePlan) -> str:
    lines = [
        f"{user}  subject {plan.subject}  account {plan.state}",
        f"    {plan.rows} rows"
        + (f" from {plan.oldest:%Y-%m-%d} to {plan.newest:%Y-%m-%d}" if plan.oldest else ""),
    ]
    lines += [f"    AGAINST: {reason}" for reason in plan.against] or ["    nothing stands against it"]
    return "\n".join(lines)
