"""The snapshot of pins: shared between nodes, bounded, and believed only while the database confirms it."""

from app.catalog import Catalog, Change, Sighting
from app.catalog.catalog import TRUSTED_FOR
from app.catalog.definition import Definition, defined
from app.core.call import Resource
from app.core.clock import SystemClock
from app.db import open_pool

CALL = Resource("tool", "s/t")


class Later(SystemClock):
    """A clock that can be moved on."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


def tool(number: int, name: str = "t") -> Definition:
    return defined("s", "tool", name, {"name": name, "description": f"version {number}"})


def sight(*definitions: Definition) -> Sighting:
    return Sighting(server="s", definitions=definitions, whole=frozenset(["tool"]))


async def test_what_one_node_sees_holds_on_the_other(database: str) -> None:
    noticed: list[Change] = []
    async with open_pool(database, size=2, timeout=5) as pool:
        one, other = (
            Catalog(pool=pool, clock=SystemClock(), mode=lambda _: "trust-first", announce=noticed.append)
            for _ in range(2)
        )
        await one.refresh()
        await one.notice(sight(tool(1)))
        await other.refresh()
        assert other.usable(tool(1).key, tool(1).digest)
        await other.notice(sight(tool(2)))
        assert one.hold("tool.call", CALL) is None
        await one.refresh()
        held = one.hold("tool.call", CALL)
        assert held is not None
        assert (held.reason, one.hold("admin.tool.approve", CALL)) == ("tool_quarantined", None)
    assert [change.what for change in noticed] == ["trusted", "quarantined"]


async def test_nothing_new_writes_nothing(database: str) -> None:
    noticed: list[Change] = []
    async with open_pool(database, size=1, timeout=5) as pool:
        catalog = Catalog(pool=pool, clock=SystemClock(), mode=lambda _: "approve", announce=noticed.append)
        for _ in range(3):
            await catalog.notice(sight(tool(1)))
    assert len(noticed) == 1


async def test_nothing_is_used_while_the_database_cannot_confirm_it(database: str) -> None:
    clock = Later()
    async with open_pool(database, size=1, timeout=5) as pool:
        catalog = Catalog(pool=pool, clock=clock, mode=lambda _: "trust-first", announce=lambda _: None)
        held = catalog.hold("tool.call", CALL)
        assert held is not None
        assert held.reason == "catalog_unconfirmed"
        await catalog.notice(sight(tool(1)))
        assert catalog.hold("tool.call", CALL) is None
        clock.ahead = TRUSTED_FOR + 1
        held = catalog.hold("tool.call", CALL)
        assert held is not None
        assert not catalog.usable(tool(1).key, tool(1).digest)


async def test_server_that_changes_all_the_time_fills_no_table(database: str) -> None:
    async with open_pool(database, size=1, timeout=5) as pool:
        catalog = Catalog(
            pool=pool, clock=SystemClock(), mode=lambda _: "trust-first", announce=lambda _: None
        )
        for number in range(40):
            await catalog.notice(sight(tool(number)))
        async with pool.connection() as conn:
            row = await (await conn.execute("SELECT count(*) FROM catalog_versions")).fetchone()
    assert row is not None
    assert row[0] <= 22
