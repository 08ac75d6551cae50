"""`secret check|rekey|accept|new-key`: the master key, and whether everything opens with it."""

import click

from app.cli.secret.asking import secret_call
from app.cli.site import Output, Site, json_option, site_command
from app.core.errors import SallyportError
from app.secrets.keys.software import new_key as made_key
from app.secrets.keys.software import render
from app.secrets.records import SecretsCheck


@click.command()
@site_command
async def check(site: Site, output: Output) -> None:
    """Open every secret and prove that nobody else changed them; exit code 1 if something is wrong."""
    async with site.admission.admit(secret_call("check", "*")) as passage:
        found = await site.secrets.check()
        passage.note(result={"problems": list(found.problems)})
    output.value(found, _lines(found))
    _fail_on(found)


@click.command()
@click.option("--finish", is_flag=True, help="Every node has the new key: let go of the old one.")
@click.option(
    "--no-handover",
    is_flag=True,
    help="The old key leaked: do not leave the new one in a box of it; give it to the other nodes yourself.",
)
@site_command
async def rekey(site: Site, output: Output, finish: bool, no_handover: bool) -> None:
    """Seal everything with a new master key, while the site serves."""
    call = secret_call("rekey", "*", {"finish": finish, "handover": not no_handover})
    async with site.admission.admit(call) as passage:
        if finish:
            found = await site.secrets.finish_rekey(passage)
            output.value(found, f"The key before is forgotten.\n{_lines(found)}")
            return
        done = await site.secrets.rekey(passage, handover=not no_handover)
    text = f"{done.versions} versions are sealed with {done.after[:12]} instead of {done.before[:12]}."
    output.value(done, f"{text}\nOnce every node has it: `sallyport secret rekey --finish`.")


@click.command()
@site_command
async def accept(site: Site, output: Output) -> None:
    """Take the catalogue as it stands, after you looked at it: for databases that were restored in part."""
    async with site.admission.admit(secret_call("accept", "*")) as passage:
        found = await site.secrets.accept(passage)
    output.value(found, _lines(found))
    _fail_on(found)


@click.command("new-key")
@json_option
def new_key(as_json: bool) -> None:
    """Print a new master key, for a systemd credential; nothing is stored."""
    line = render([made_key()]).rstrip()
    Output(as_json=as_json).value({"key": line}, line)


def _fail_on(found: SecretsCheck) -> None:
    if found.problems:
        raise SallyportError(
            f"{len(found.problems)} things about the secrets are not in order.",
            remedy="See `sallyport help secrets`.",
        )


def _lines(found: SecretsCheck) -> str:
    lines = [f"{found.secrets} secrets, {found.versions} versions kept"]
    for key in found.keys:
        where = "here" if key.here else "not here"
        lines.append(f"    key {key.id[:12]}  {key.state:8}  {key.source:10}  {where}")
    lines += [f"    problem: {problem}" for problem in found.problems] or ["    everything opens"]
    return "\n".join(lines)
