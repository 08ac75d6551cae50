"""`policy`: write, check, test, apply, compare and explain policies."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from app.cli.site import Output, Site, json_option, operator_call, site_command
from app.core import jsonsafe
from app.core.call import Resource
from app.core.errors import InputError
from app.policy import check as check_document
from app.policy.document import KINDS, Document, Given
from app.policy.explain import CaseResult, Explanation, question
from app.policy.parse import RESERVED
from app.policy.source import MAX_BYTES
from app.policy.versions import Checked

_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.group()
def policy() -> None:
    """Write, test and apply policies: who may do what. `sallyport help policy` explains the documents."""


@policy.command()
@click.argument("file", type=_FILE)
@json_option
def check(file: Path, as_json: bool) -> int:
    """Read FILE and run its tests; needs no database and changes nothing."""
    _, _, checked = _checked(file)
    failed = checked.failed
    text = f"{checked.policy}: {checked.rules} rules, {len(checked.cases)} tests, sha256 {checked.sha256}"
    problems = "".join(f"\nFAILED {case.name}: {case.problem}" for case in failed)
    Output(as_json=as_json).value({"ok": not failed, **msgspec.to_builtins(checked)}, text + problems)
    return 1 if failed else 0


@policy.command()
@click.argument("file", type=_FILE)
@json_option
def test(file: Path, as_json: bool) -> int:
    """Run the tests of FILE on it and the built-in rules; needs no database."""
    _, _, checked = _checked(file)
    lines = [_case(case) for case in checked.cases]
    summary = f"{len(checked.cases) - len(checked.failed)} of {len(checked.cases)} tests passed"
    Output(as_json=as_json).value(checked.cases, "\n".join([*lines, summary]))
    return 1 if checked.failed else 0


@policy.command()
@click.argument("file", type=_FILE)
@site_command
async def apply(site: Site, output: Output, file: Path) -> None:
    """Let FILE hold from now on, as a new version of its policy."""
    data, document, checked = _checked(file)
    arguments = {"sha256": checked.sha256, "bytes": len(data)}
    call = operator_call("admin.policy.apply", Resource("policy", document.policy), arguments)
    async with site.admission.admit(call) as passage:
        applied = await site.policies.apply(passage, data)
        passage.note(result=msgspec.to_builtins(applied))
    held = "holds now" if applied.changed else "held already"
    output.value(applied, f"{applied.policy} version {applied.version} {held}.")


@policy.command("list")
@site_command
async def list_policies(site: Site, output: Output) -> None:
    """List policies with the version that holds."""
    async with site.admission.admit(operator_call("admin.policy.list", Resource("policy", "*"))):
        rows = await site.policies.overview()
    output.table(
        rows,
        {
            "policy": lambda row: row.name,
            "version": lambda row: row.version,
            "holds since": lambda row: "always" if row.name == RESERVED else _since(row.applied),
            "author": lambda row: row.author,
            "sha256": lambda row: row.sha256[:16],
        },
    )


@policy.command()
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="This version instead of the one that holds.")
@click.option("--history", is_flag=True, help="What held when, instead of the document.")
@site_command
async def show(site: Site, output: Output, name: str, version: int | None, history: bool) -> None:
    """Print a policy exactly as it was applied."""
    async with site.admission.admit(operator_call("admin.policy.show", Resource("policy", name))):
        if history:
            _, rows = await site.policies.history(name)
            output.table(
                rows,
                {
                    "change": lambda row: row.revision,
                    "time": lambda row: row.applied.strftime("%Y-%m-%d %H:%M:%S"),
                    "version": lambda row: row.version or "retired",
                    "author": lambda row: row.author,
                },
            )
            return
        row = await site.policies.show(name, version=version)
    output.value(row, row.source.removesuffix("\n"))


@policy.command()
@click.argument("name")
@click.argument("file", type=_FILE, required=False)
@click.option("--old", type=click.IntRange(1), help="From this version; default: the one that holds.")
@click.option("--new", type=click.IntRange(1), help="To this version; default: the one that holds.")
@site_command
async def diff(
    site: Site, output: Output, *, name: str, file: Path | None, old: int | None, new: int | None
) -> None:
    """Compare two versions, or the one that holds with FILE."""
    if file is not None and new is not None:
        raise InputError("FILE and --new cannot both be the newer side.", remedy="Give one of them.")
    async with site.admission.admit(operator_call("admin.policy.show", Resource("policy", name))):
        told = await site.policies.diff(name, old=old, new=_read(file) if file is not None else new)
    output.value({"diff": told}, told.removesuffix("\n") or "No difference.")


@policy.command()
@click.argument("name")
@click.option("--version", type=click.IntRange(1), help="This version; default: the one that held before.")
@site_command
async def rollback(site: Site, output: Output, name: str, version: int | None) -> None:
    """Let an older version of a policy hold again."""
    call = operator_call("admin.policy.rollback", Resource("policy", name), {"version": version})
    async with site.admission.admit(call) as passage:
        applied = await site.policies.rollback(passage, name, version=version)
        passage.note(result=msgspec.to_builtins(applied))
    output.value(applied, f"{applied.policy} version {applied.version} holds now.")


@policy.command()
@click.argument("name")
@site_command
async def retire(site: Site, output: Output, name: str) -> None:
    """Let no version of a policy hold any more; its versions are kept."""
    async with site.admission.admit(
        operator_call("admin.policy.retire", Resource("policy", name))
    ) as passage:
        await site.policies.retire(passage, name)
    output.value({"policy": name, "retired": True}, f"{name} holds no more.")


def _given_options(function: Any) -> Any:
    for kind in (*reversed(KINDS), "object"):
        text = "KIND:NAME of anything else." if kind == "object" else f"The {kind} that the call is about."
        function = click.option(f"--{kind}", default="", help=text)(function)
    for many in ("scopes", "groups", "roles"):
        text = f"One of the caller's {many}; may be repeated."
        function = click.option(f"--{many.removesuffix('s')}", many, multiple=True, help=text)(function)
    for kind in ("operator", "agent", "service", "user"):
        function = click.option(f"--{kind}", default="", help=f"Ask as this {kind}.")(function)
    return function


@policy.command()
@_given_options
@click.option("--action", required=True, help="Such as tool.call or model.invoke.")
@click.option("--arguments", help="The call's arguments, as JSON.")
@click.option("--file", type=_FILE, help="As if this document held.")
@site_command
async def explain(site: Site, output: Output, arguments: str | None, file: Path | None, **given: Any) -> None:
    """Say what would be decided about a call, and each rule's part in it.

    Roles and groups of a user or service account are looked up unless they are given.
    """
    decoded = jsonsafe.decode_object(arguments.encode()) if arguments is not None else None
    given["scopes"] = given["scopes"] or msgspec.UNSET
    draft = _read(file) if file is not None else None
    recorded = {"question": {name: value for name, value in given.items() if value}}
    async with site.admission.admit(operator_call("admin.policy.explain", Resource("policy", "*"), recorded)):
        await _complete(site, given)
        asked = question(Given(**given, arguments=msgspec.UNSET if decoded is None else decoded))
        told = await site.policies.explain(asked, draft=draft)
    output.value(told, _told(told))


async def _complete(site: Site, given: dict[str, Any]) -> None:
    """Roles and groups as they are now, where an account is named and none were given."""
    name = given["user"] or given["service"]
    if not name or given["roles"] or given["groups"]:
        return
    accounts = site.identity.users if given["user"] else site.identity.services
    account = await accounts.find(name)
    given["roles"], given["groups"] = account.roles, account.groups


def _since(applied: datetime | None) -> str:
    return applied.strftime("%Y-%m-%d %H:%M:%S") if applied else "retired"


def _told(told: Explanation) -> str:
    lines = [f"{told.decision.effect}: {told.decision.message}"]
    if told.decision.labels:
        lines.append(f"  providers must have the labels: {', '.join(told.decision.labels)}")
    if told.decision.record is not None:
        lines.append(f"  of the contents the record keeps: {told.decision.record}")
    for answer in told.rules:
        lines.append(f"  {'applies' if answer.applies else '-':7} {answer.effect:6} {answer.rule}")
        lines.extend(f"                   {reason}" for reason in answer.because)
    return "\n".join(lines)


def _case(case: CaseResult) -> str:
    return f"FAILED {case.name}: {case.problem}" if case.problem else f"ok     {case.name}"


def _checked(file: Path) -> tuple[bytes, Document, Checked]:
    data = _read(file)
    try:
        return data, *check_document(data)
    except InputError as error:
        raise InputError(f"{file}: {error.message}", remedy=error.remedy, code=error.code) from None


def _read(file: Path) -> bytes:
    try:
        with click.open_file(str(file), "rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}).", remedy="Check the path.") from None
