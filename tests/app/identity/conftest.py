"""One site a test."""

from collections.abc import AsyncIterator

import pytest

from tests.app.identity.world import World, world


@pytest.fixture
async def site(database: str) -> AsyncIterator[World]:
    """A site on a fresh database."""
    async with world(database) as opened:
        yield opened
