"""The least that a gateway on aiohttp does: pass a request on, and its answer back. `passing PORT UPSTREAM_PORT`."""

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web

_DROPPED = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})


async def serve(port: int, upstream: int) -> None:
    """Until it is ended."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def passed(request: web.BaseRequest) -> web.StreamResponse:
            url = f"http://127.0.0.1:{upstream}{request.raw_path}"
            headers = {"content-type": "application/json"}
            async with session.post(url, data=await request.read(), headers=headers) as reply:
                kept = {name: value for name, value in reply.headers.items() if name.lower() not in _DROPPED}
                if reply.content_length is not None:
                    return web.Response(status=reply.status, body=await reply.read(), headers=kept)
                response = web.StreamResponse(status=reply.status, headers=kept)
                await response.prepare(request)
                async for chunk in reply.content.iter_any():
                    await response.write(chunk)
                return response

        server = web.Server(passed, access_log=None)
        await asyncio.get_running_loop().create_server(server, "127.0.0.1", port, backlog=4096)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
