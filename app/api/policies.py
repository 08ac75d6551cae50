"""`/api/v1/policies`: list, show, apply, roll back, retire, compare, check, explain."""

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from app.api.operation import Asked, Body, Operation, Page, Query
from app.api.paging import PageQuery, page_in_memory
from app.policy import Policies, check
from app.policy.document import Given
from app.policy.explain import Explanation, question
from app.policy.store import Activation, Stored, Version
from app.policy.versions import Applied, Checked

Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class VersionQuery(Query, frozen=True, kw_only=True):
    """Which version; without one the active, else the newest."""

    version: Number | None = None


class DiffQuery(Query, frozen=True, kw_only=True):
    """From `old` to `new`; without a number the active version is meant."""

    old: Number | None = None
    new: Number | None = None


class Rollback(Body, frozen=True, kw_only=True):
    """The version to return to; without one the version that held before."""

    version: Number | None = None


class Ask(Body, frozen=True, kw_only=True):
    """A call to be explained as a test case describes it, perhaps as if another document held."""

    given: Given
    document: Annotated[str, Meta(max_length=524_288)] | None = None


class History(msgspec.Struct, frozen=True, kw_only=True):
    """All versions of a policy, and which held since when."""

    versions: list[Version]
    activations: list[Activation]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A unified diff, empty when there is none."""

    diff: str


class _Policies:
    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    async def overview(self, asked: Asked) -> Page[Version]:
        return page_in_memory(await self._policies.overview(), asked.query, lambda row: row.name)

    async def show(self, asked: Asked) -> Stored:
        return await self._policies.show(asked.params["name"], version=asked.query.version)

    async def history(self, asked: Asked) -> History:
        versions, activations = await self._policies.history(asked.params["name"])
        return History(versions=versions, activations=activations)

    async def diff(self, asked: Asked) -> Difference:
        name, query = asked.params["name"], asked.query
        return Difference(diff=await self._policies.diff(name, old=query.old, new=query.new))

    async def apply(self, asked: Asked) -> Applied:
        return _noted(asked, await self._policies.apply(asked.passage, asked.data))

    async def rollback(self, asked: Asked) -> Applied:
        name = asked.params["name"]
        return _noted(asked, await self._policies.rollback(asked.passage, name, version=asked.body.version))

    async def retire(self, asked: Asked) -> None:
        await self._policies.retire(asked.passage, asked.params["name"])

    async def check(self, asked: Asked) -> Checked:
        return (await asyncio.to_thread(check, asked.data))[1]

    async def explain(self, asked: Asked) -> Explanation:
        document = asked.body.document
        draft = document.encode() if document is not None else None
        return await self._policies.explain(question(asked.body.given), draft=draft)


def _noted(asked: Asked, applied: Applied) -> Applied:
    asked.passage.note(result=msgspec.to_builtins(applied))
    return applied


def operations(policies: Policies) -> list[Operation]:
    """The table of this subject."""
    does = _Policies(policies)
    one, yaml = "/api/v1/policies/{name}", "application/yaml"
    return [
        Operation(
            id="listPolicies", method="GET", path="/api/v1/policies", summary="List policies with the version that holds",
            action="admin.policy.list", kind="policy", about="*", run=does.overview, query=PageQuery, answer=Page[Version],
        ),
        Operation(
            id="showPolicy", method="GET", path=one, summary="Show a policy exactly as it was applied",
            action="admin.policy.show", kind="policy", about="{name}", run=does.show, query=VersionQuery, answer=Stored,
        ),
        Operation(
            id="applyPolicy", method="PUT", path=one, summary="Let a document hold from now on, as a new version",
            action="admin.policy.apply", kind="policy", about="{name}", run=does.apply, media=yaml, answer=Applied,
        ),
        Operation(
            id="retirePolicy", method="DELETE", path=one, summary="Let no version of a policy hold any more",
            action="admin.policy.retire", kind="policy", about="{name}", run=does.retire,
        ),
        Operation(
            id="showPolicyHistory", method="GET", path=f"{one}/history", summary="Show all versions and what held when",
            action="admin.policy.show", kind="policy", about="{name}", run=does.history, answer=History,
        ),
        Operation(
            id="diffPolicy", method="GET", path=f"{one}/diff", summary="Compare two versions of a policy",
            action="admin.policy.show", kind="policy", about="{name}", run=does.diff, query=DiffQuery, answer=Difference,
        ),
        Operation(
            id="rollbackPolicy", method="POST", path=f"{one}/rollback", summary="Let an older version hold again",
            action="admin.policy.rollback", kind="policy", about="{name}", run=does.rollback, body=Rollback, answer=Applied,
        ),
        Operation(
            id="checkPolicy", method="POST", path="/api/v1/policy/check", summary="Read a document and run its tests",
            action="admin.policy.check", kind="policy", about="*", run=does.check, media=yaml, answer=Checked,
        ),
        Operation(
            id="explainPolicy", method="POST", path="/api/v1/policy/explain", summary="Say what would be decided, and why",
            action="admin.policy.explain", kind="policy", about="*", run=does.explain, body=Ask, answer=Explanation,
        ),
    ]  # fmt: skip
