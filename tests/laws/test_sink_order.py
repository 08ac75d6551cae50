"""Laws of following the record: every row once, a boot's rows in their order, however pages are cut."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.audit.sinks.follow import in_order
from app.audit.sinks.place import parse, render
from app.audit.sinks.store import StoredRow

BOOTS = [UUID(int=number) for number in range(1, 5)]


@st.composite
def records(draw: st.DrawFn) -> dict[UUID, list[StoredRow]]:
    """Rows of some boots; ids mostly rise within a boot, as clocks do, and entries differ in size."""
    found: dict[UUID, list[StoredRow]] = {}
    for boot in BOOTS[: draw(st.integers(1, 4))]:
        times = draw(st.lists(st.integers(0, 60), max_size=25))
        if draw(st.booleans()):
            times.sort()
        sizes = draw(st.lists(st.integers(1, 40), min_size=len(times), max_size=len(times)))
        found[boot] = [
            StoredRow(boot=boot, seq=seq, id=UUID(int=time << 64 | boot.int << 32 | seq), entry=b"x" * size)
            for seq, (time, size) in enumerate(zip(times, sizes, strict=True))
        ]
    return found


def page(rows: list[StoredRow], start: int, *, limit: int, size: int) -> list[StoredRow]:
    """What the statement gives of a boot: so many rows and about so many bytes, at least one."""
    found: list[StoredRow] = []
    for row in rows[start : start + limit]:
        if sum(len(other.entry) for other in found) >= size:
            break
        found.append(row)
    return found


@given(records(), st.integers(1, 7), st.integers(1, 200))
def test_every_row_is_read_once_and_each_boot_in_its_order(
    record: dict[UUID, list[StoredRow]], limit: int, size: int
) -> None:
    nexts = dict.fromkeys(record, 0)
    read: list[StoredRow] = []
    while True:
        rows = [row for boot in record for row in page(record[boot], nexts[boot], limit=limit, size=size)]
        if not rows:
            break
        batch = in_order(rows, nexts, limit=limit, size=size)
        assert batch.rows  # it always gets on
        assert batch.missing == 0
        read += batch.rows
        nexts |= batch.nexts
    for boot, rows in record.items():
        assert [row for row in read if row.boot == boot] == rows


@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.integers(1, 5))
def test_rows_that_are_gone_are_counted(steps: list[int], start: int) -> None:
    seqs = [start]
    for step in steps:
        seqs.append(seqs[-1] + step)
    rows = [StoredRow(boot=BOOTS[0], seq=seq, id=UUID(int=seq), entry=b"x") for seq in seqs]
    batch = in_order(rows, {BOOTS[0]: 1}, limit=100, size=1000)
    assert batch.missing == seqs[-1] - len(seqs)


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001
    st.dictionaries(st.uuids(), st.integers(0, 2**60), max_size=20),
)
def test_a_place_is_read_back_as_it_was(seen: datetime, nexts: dict[UUID, int]) -> None:
    moment = seen.replace(tzinfo=UTC)
    assert parse(render(moment, nexts)) == (moment, nexts)
