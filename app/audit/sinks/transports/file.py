"""Rows in a file, one a line: synced before they count, rotated by size and age, made anew when it was taken away."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from app.audit.sinks.transports import disk
from app.config.outward.sinks import SinkRotation
from app.core.errors import DeliveryError

_STAMP = "%Y%m%dT%H%M%S%fZ"


class FileTransport:
    """Older files are `NAME.TIME`; of these the newest `keep` stay."""

    def __init__(
        self,
        *,
        path: Path,
        rotation: SinkRotation,
        now: Callable[[], datetime],
        state: Mapping[str, str],
    ) -> None:
        self._path = path
        self._rotation = rotation
        self._now = now
        self._since = state.get("since", "")
        self._descriptor = -1
        self._sent = 0

    @property
    def state(self) -> Mapping[str, str]:
        """When the present file was begun."""
        return {"since": self._since}

    async def send(self, rows: Sequence[bytes]) -> None:
        """Append and sync."""
        data = b"".join(row + b"\n" for row in rows)
        try:
            await asyncio.to_thread(self._append, data)
        except OSError as error:
            raise self._failed(error) from None
        self._sent += 1

    async def acknowledged(self, *, wait: bool) -> int:
        """What is synced is there."""
        sent, self._sent = self._sent, 0
        return sent

    async def probe(self, row: bytes) -> str:
        """Whether the folder takes files; nothing is written to the file itself."""
        try:
            await asyncio.to_thread(disk.try_folder, self._path.parent)
        except OSError as error:
            raise self._failed(error) from None
        return f"{self._path.parent} takes files"

    async def aclose(self) -> None:
        """Close the file."""
        self._close()

    def _append(self, data: bytes) -> None:
        if self._descriptor >= 0 and not self._is_there():
            self._close()
        if self._descriptor < 0:
            self._open()
        if self._due():
            self._rotate()
        disk.append(self._descriptor, data)

    def _open(self) -> None:
        fresh = not self._path.exists()
        self._descriptor = disk.open_append(self._path)
        if fresh or not self._since:
            self._since = self._now().isoformat()
        if fresh:
            disk.sync_folder(self._path.parent)
        elif not disk.ends_in_a_line(self._path):
            disk.append(self._descriptor, b"\n")

    def _is_there(self) -> bool:
        """Whether the name still leads to the open file: somebody may have moved or deleted it."""
        try:
            named, ours = self._path.lstat(), os.fstat(self._descriptor)
        except FileNotFoundError:
            return False
        return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)

    def _due(self) -> bool:
        size = os.fstat(self._descriptor).st_size
        age = self._now() - datetime.fromisoformat(self._since)
        return size > 0 and (size >= self._rotation.bytes or age >= timedelta(hours=self._rotation.hours))

    def _rotate(self) -> None:
        self._close()
        self._path.rename(self._path.with_name(f"{self._path.name}.{self._now().strftime(_STAMP)}"))
        self._open()
        older = sorted(self._path.parent.glob(f"{self._path.name}.[0-9]*Z"))
        for path in older[: -self._rotation.keep]:
            path.unlink()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _failed(self, error: OSError) -> DeliveryError:
        return DeliveryError(
            f"{self._path} cannot be written ({error.strerror or error}).",
            remedy="Make room, or let Sallyport's user write to the folder.",
        )
