"""Policies for administrators: check, apply, roll back, retire, list, compare. A change takes a Passage first."""

import asyncio
import difflib
from datetime import UTC, datetime

import msgspec

from app.core.call import Resource
from app.core.clock import Clock
from app.core.errors import ConflictError, InputError, NotFoundError
from app.core.passage import Passage
from app.core.principal import Principal
from app.policy import store
from app.policy.document import Document
from app.policy.engine import builtin_source, compiled, fingerprint
from app.policy.explain import CaseResult, Explanation, Question, explain, run_cases
from app.policy.parse import RESERVED, parse
from app.policy.snapshot import Snapshot
from app.policy.store import Activation, Connection, Pool, Stored, Version

_OPERATOR = Principal(id="operator", kind="operator", name="operator")


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A document that could be read, with the results of its own cases."""

    policy: str
    sha256: str
    rules: int
    cases: tuple[CaseResult, ...]

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The cases that are not as expected."""
        return tuple(case for case in self.cases if case.problem)


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A change of what holds; `changed` is False when it held already."""

    policy: str
    version: int
    sha256: str
    policy_hash: str
    changed: bool


def check(data: bytes) -> tuple[Document, Checked]:
    """Read a document and run its cases on it and the built-in rules alone; needs no database."""
    document = parse(data)
    sha256 = fingerprint(data)
    cases = run_cases(document, compiled({}, draft=(document, sha256)))
    return document, Checked(policy=document.policy, sha256=sha256, rules=len(document.rules), cases=cases)


class Policies:
    """The versions in the database."""

    def __init__(self, *, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def apply(self, passage: Passage, data: bytes) -> Applied:
        """Let this document hold from now on; InputError when it is unreadable or fails its own cases."""
        document, checked = await asyncio.to_thread(check, data)
        name = document.policy
        author = _author(passage, "admin.policy.apply", name)
        _require_cases(checked)
        async with store.transaction(self._pool) as conn:
            revision = await store.lock_revision(conn)
            rows = {row.name: row for row in await store.active(conn)}
            held = rows.get(name)
            if held is not None and held.sha256 == checked.sha256:
                return _applied(held, compiled(rows), changed=False)
            snapshot = await asyncio.to_thread(_safe, _without(rows, name), (document, checked.sha256))
            row = Stored(
                name=name, version=await store.latest(conn, name) + 1, sha256=checked.sha256, source=data.decode(),
                author=author, approver=None, created=self._clock.now(),
            )  # fmt: skip
            await store.insert_version(conn, row)
            await _activate(conn, row, revision=revision + 1, author=author, at=self._clock.now())
        return _applied(row, snapshot, changed=True)

    async def rollback(self, passage: Passage, name: str, *, version: int | None = None) -> Applied:
        """Let an older version hold again; without a number the one that held before."""
        author = _author(passage, "admin.policy.rollback", name)
        async with store.transaction(self._pool) as conn:
            revision = await store.lock_revision(conn)
            rows = {row.name: row for row in await store.active(conn)}
            number = version if version is not None else await _before(conn, name, rows)
            row = await _require_version(conn, name, number)
            if name in rows and rows[name].version == number:
                return _applied(row, compiled(rows), changed=False)
            document, checked = await asyncio.to_thread(check, row.source.encode())
            _require_cases(checked)
            snapshot = await asyncio.to_thread(_safe, _without(rows, name), (document, row.sha256))
            await _activate(conn, row, revision=revision + 1, author=author, at=self._clock.now())
        return _applied(row, snapshot, changed=True)

    async def retire(self, passage: Passage, name: str) -> None:
        """Let no version of this policy hold any more; its versions are kept."""
        author = _author(passage, "admin.policy.retire", name)
        async with store.transaction(self._pool) as conn:
            revision = await store.lock_revision(conn)
            if not await store.deactivate(conn, name):
                raise NotFoundError(f"No version of policy {name!r} is active.", remedy="See `policy list`.")
            at = self._clock.now()
            row = Activation(revision=revision + 1, name=name, version=None, author=author, applied=at)
            await store.insert_activation(conn, row)
            await store.set_revision(conn, revision + 1)

    async def overview(self) -> list[Version]:
        """Every policy with the version that holds, or its newest one; the built-in rules come first."""
        async with store.transaction(self._pool) as conn:
            rows = await store.newest_versions(conn)
        own = msgspec.structs.asdict(_builtin())
        return [msgspec.convert({key: own[key] for key in Version.__struct_fields__}, Version), *rows]

    async def show(self, name: str, *, version: int | None = None) -> Stored:
        """One version; without a number the active one, else the newest."""
        if name == RESERVED:
            return _builtin()
        async with store.transaction(self._pool) as conn:
            if version is not None:
                return await _require_version(conn, name, version)
            for row in await store.newest_versions(conn):
                if row.name == name:
                    return await _require_version(conn, name, row.version)
        raise _unknown(name)

    async def history(self, name: str) -> tuple[list[Version], list[Activation]]:
        """All versions, and what held when."""
        async with store.transaction(self._pool) as conn:
            versions, activations = await store.versions(conn, name), await store.activations(conn, name)
        if not versions:
            raise _unknown(name)
        return versions, activations

    async def diff(self, name: str, *, old: int | None, new: int | bytes | None) -> str:
        """A unified diff from a version (none: the active one) to another version or to a document's bytes."""
        before = await self.show(name, version=old)
        if isinstance(new, bytes):
            after, label = new.decode("utf-8", "replace"), "the document given"
        else:
            row = await self.show(name, version=new)
            after, label = row.source, f"version {row.version}"
        lines = difflib.unified_diff(
            before.source.splitlines(keepends=True), after.splitlines(keepends=True),
            f"{name} version {before.version}", f"{name} {label}",
        )  # fmt: skip
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    async def explain(self, question: Question, *, draft: bytes | None = None) -> Explanation:
        """What the active set, perhaps with a draft in it, would decide and why."""
        async with store.transaction(self._pool) as conn:
            rows = {row.name: row for row in await store.active(conn)}
        return await asyncio.to_thread(_explained, rows, question, draft)


def _author(passage: Passage, action: str, name: str) -> str:
    """Who changes the policy; a passage for another call is no right to do so."""
    if passage.call.action != action or passage.settled:
        raise ValueError(f"a passage for {passage.call.action} cannot do {action}")
    if passage.call.resource.name != name:
        raise InputError(
            f"The document is the policy {name!r}, but {passage.call.resource.name!r} was to be changed.",
            remedy="Use the same name in both places.",
            code="policy_name_differs",
        )
    return f"{passage.principal.kind}:{passage.principal.name}"


def _explained(rows: dict[str, Stored], question: Question, draft: bytes | None) -> Explanation:
    if draft is None:
        return explain(compiled(rows), question)
    document, checked = check(draft)
    return explain(compiled(_without(rows, document.policy), draft=(document, checked.sha256)), question)


async def _activate(conn: Connection, row: Stored, *, revision: int, author: str, at: datetime) -> None:
    await store.activate(conn, row.name, row.version, author, at)
    await store.insert_activation(
        conn, Activation(revision=revision, name=row.name, version=row.version, author=author, applied=at)
    )
    await store.set_revision(conn, revision)


async def _before(conn: Connection, name: str, rows: dict[str, Stored]) -> int:
    """The version that held before the one that holds."""
    held = rows[name].version if name in rows else None
    for activation in await store.activations(conn, name):
        if activation.version is not None and activation.version != held:
            return activation.version
    raise NotFoundError(
        f"Policy {name!r} has no earlier version.", remedy="See `policy show NAME --history`."
    )


async def _require_version(conn: Connection, name: str, number: int) -> Stored:
    row = await store.version(conn, name, number)
    if row is None:
        raise NotFoundError(
            f"Policy {name!r} has no version {number}.", remedy="See `policy show NAME --history`."
        )
    return row


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"There is no policy {name[:80]!r}.", remedy="See `policy list`.")


def _without(rows: dict[str, Stored], name: str) -> dict[str, Stored]:
    return {other: row for other, row in rows.items() if other != name}


def _require_cases(checked: Checked) -> None:
    if checked.failed:
        first = checked.failed[0]
        raise InputError(
            f"{len(checked.failed)} of {len(checked.cases)} tests of policy {checked.policy} fail;"
            f" the first is {first.name!r}: {first.problem}",
            remedy="Correct the rules or the tests; nothing was changed.",
            code="policy_tests_fail",
        )


def _safe(rows: dict[str, Stored], draft: tuple[Document, str]) -> Snapshot:
    """The set with a draft; refused when not even the operator on the host could change policies any more."""
    snapshot, name = compiled(rows, draft=draft), draft[0].policy
    decision = snapshot.decide(_OPERATOR, "admin.policy.apply", Resource("policy", name), arguments=None)
    if not decision.permitted:
        raise ConflictError(
            f"This would lock everybody out of policies. {decision.message}",
            remedy="Leave the operator out of that rule: who: {kinds: [user, service, agent]}.",
        )
    return snapshot


def _applied(row: Stored, snapshot: Snapshot, *, changed: bool) -> Applied:
    return Applied(
        policy=row.name, version=row.version, sha256=row.sha256, policy_hash=snapshot.hash, changed=changed
    )


def _builtin() -> Stored:
    data = builtin_source()
    always = datetime(2026, 1, 1, tzinfo=UTC)
    return Stored(
        name=RESERVED, version=1, sha256=fingerprint(data), source=data.decode(), author="sallyport", approver=None,
        created=always, applied=always,
    )  # fmt: skip
