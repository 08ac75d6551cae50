"""The places of models as rows, and a look at a provider."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from app.api.operation import Asked, Operation, Page
from app.api.paging import PageQuery, page_in_memory
from app.core.passage import Passage


class ModelPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One place of a model. `state` is its circuit's; `calls` and `failures` since the start, `running` now.

    `seconds` are those for which it is left alone, `why` says why; prices in microdollars per million tokens.
    """

    name: str
    model: str
    aliases: list[str]
    provider: str
    upstream_model: str
    dialect: str
    labels: list[str]
    requires: list[str]
    weight: int
    fallbacks: list[str]
    input_price: int
    output_price: int
    state: str = ""
    seconds: float = 0.0
    why: str = ""
    calls: int = 0
    failures: int = 0
    running: int = 0
    last_failure: str = ""


class ProviderLook(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at a provider's list of models found; `missing` are models of the profile that it does not list."""

    name: str
    ok: bool
    found: str
    milliseconds: int
    missing: list[str] = []


class ModelPlaces(Protocol):
    """The site's models."""

    def overview(self) -> Sequence[ModelPlace]:
        """All places, by model."""
        ...

    async def look(self, passage: Passage, provider: str) -> ProviderLook:
        """Ask a provider for its list; NotFoundError when there is no such provider."""
        ...


def operations(models: ModelPlaces) -> list[Operation]:
    """The table of this subject."""

    async def overview(asked: Asked) -> Page[ModelPlace]:
        return page_in_memory(models.overview(), asked.query, lambda row: row.name)

    async def look(asked: Asked) -> ProviderLook:
        return await models.look(asked.passage, asked.params["name"])

    return [
        Operation(
            id="listModelPlaces", method="GET", path="/api/v1/models",
            summary="List the models of this site, where they go and how it is there",
            action="admin.model.list", kind="model", about="*", run=overview, query=PageQuery,
            answer=Page[ModelPlace],
        ),
        Operation(
            id="testProvider", method="POST", path="/api/v1/providers/{name}/test",
            summary="Ask a provider for its list of models",
            action="admin.provider.test", kind="provider", about="{name}", run=look, answer=ProviderLook,
        ),
    ]  # fmt: skip
