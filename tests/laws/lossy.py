"""A way to PostgreSQL that can lose an answer: what was asked is done, and nobody is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class LossyWay:
    """Passes bytes both ways until told to swallow the answer to the next request, or to let nobody in."""

    def __init__(self, url: str) -> None:
        self._target = conninfo_to_dict(url)
        self._swallow = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.closed = False
        self.url = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator["LossyWay"]:
        """Listen on a port of this machine."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = make_conninfo(
            **{
                **self._target,
                "host": "127.0.0.1",
                "port": port,
                "sslmode": "disable",
                "gssencmode": "disable",
            }
        )
        try:
            yield self
        finally:
            server.close()
            self.cut()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def swallow(self) -> None:
        """Lose the answer to whatever is asked next, and the connection with it."""
        self._swallow = True

    def cut(self) -> None:
        """Drop every connection."""
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if not self.closed:
                await self._pass(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = str(self._target["host"]), self._target.get("port", 5432)
        if host.startswith("/"):
            answers, asks = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            answers, asks = await asyncio.open_connection(host, int(port or 5432))
        self._writers |= {writer, asks}
        lost = asyncio.Event()

        async def forth() -> None:
            with suppress(OSError):
                while data := await reader.read(65536):
                    if self._swallow:
                        self._swallow = False
                        lost.set()
                    asks.write(data)
                    await asks.drain()
            asks.close()

        async def back() -> None:
            with suppress(OSError):
                while data := await answers.read(65536):
                    if lost.is_set():
                        break
                    writer.write(data)
                    await writer.drain()
            writer.close()
            asks.close()

        try:
            await asyncio.gather(forth(), back())
        finally:
            self._writers -= {writer, asks}
