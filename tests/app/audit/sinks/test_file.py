"""Files: rotated by size and age, whole lines whatever happened before."""

import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.audit.sinks.transports.file import FileTransport
from app.config.outward.sinks import SinkRotation
from app.core.errors import DeliveryError


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time


def files(path: Path) -> list[Path]:
    return sorted(path.parent.glob(path.name + "*"))


async def test_files_rotate_by_size_and_the_newest_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    hands = Hands()
    rotation = SinkRotation(bytes=100, keep=2)
    transport = FileTransport(path=path, rotation=rotation, now=hands.now, state={})
    for number in range(10):
        await transport.send([f"{number:060d}".encode()])
    await transport.aclose()
    assert len(files(path)) == 3
    lines = [line for file in files(path) for line in file.read_bytes().splitlines()]
    assert sorted(map(int, lines)) == list(range(4, 10))


async def test_a_file_rotates_by_age_also_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    hands = Hands()
    first = FileTransport(path=path, rotation=SinkRotation(hours=1.0), now=hands.now, state={})
    await first.send([b"one"])
    await first.aclose()
    hands.time += timedelta(hours=2)
    again = FileTransport(path=path, rotation=SinkRotation(hours=1.0), now=hands.now, state=first.state)
    await again.send([b"two"])
    await again.aclose()
    assert path.read_bytes() == b"two\n"
    assert [file.read_bytes() for file in files(path)[1:]] == [b"one\n"]


async def test_a_line_that_a_crash_cut_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    path.write_bytes(b'{"id":1}\n{"id":')
    transport = FileTransport(path=path, rotation=SinkRotation(), now=Hands().now, state={})
    await transport.send([b'{"id":2}'])
    await transport.aclose()
    assert path.read_bytes() == b'{"id":1}\n{"id":\n{"id":2}\n'


async def test_a_disk_that_is_full_leaves_whole_lines_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    transport = FileTransport(path=path, rotation=SinkRotation(), now=Hands().now, state={})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, before[1]))  # the second write is cut by the kernel
    try:
        await transport.send([b"x" * 99])
        with pytest.raises(DeliveryError, match="cannot be written"):
            await transport.send([b"y" * 99])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"x" * 99 + b"\n"
    await transport.send([b"y" * 99])
    assert path.read_bytes() == b"x" * 99 + b"\n" + b"y" * 99 + b"\n"


async def test_a_device_is_not_taken_for_a_file() -> None:
    transport = FileTransport(path=Path("/dev/full"), rotation=SinkRotation(), now=Hands().now, state={})
    with pytest.raises(DeliveryError, match="not a regular file"):
        await transport.send([b"{}"])


async def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"")
    path = tmp_path / "record.jsonl"
    path.symlink_to(target)
    transport = FileTransport(path=path, rotation=SinkRotation(), now=Hands().now, state={})
    with pytest.raises(DeliveryError):
        await transport.send([b"{}"])
    assert target.read_bytes() == b""
