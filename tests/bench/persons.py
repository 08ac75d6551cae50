"""What sealing persons' values costs the corridor: the same calls, sealed and open, in turns in one run.

python -m tests.bench.persons [ROUNDS]
"""

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from app.config import Profile
from app.config.schema import Record
from app.core.call import BearerToken, Call, Resource
from app.core.ids import new_trace
from app.server.first_run import first_policy, host_call
from app.server.site import Site, open_site

CALLERS = 64
SECONDS = 2.0
ARGUMENTS = {"query": "x" * 200}
RESULT = {"found": "y" * 400}


async def prepared(stack: AsyncExitStack, personal: str) -> tuple[Site, str]:
    """A site with an embedded database of its own, and a user's key."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
    folder.chmod(0o711)  # PostgreSQL runs as a user of its own
    profile = Profile(record=Record(personal="sealed" if personal == "sealed" else "open"))
    site = await stack.enter_async_context(open_site(profile, folder=folder, serving=True))
    await first_policy(site, name="demo")
    async with site.admission.admit(host_call("admin.user.create", Resource("user", "dora"))) as passage:
        await site.identity.users.create(passage, name="dora", roles=["developer"])
    async with site.admission.admit(host_call("admin.key.create", Resource("key", "new"))) as passage:
        token = (await site.identity.keys.create(passage, owner="dora")).token
    await site.identity.refresh()
    return site, token


async def rate(site: Site, token: str) -> tuple[float, float]:
    """Calls a second, and CPU microseconds of this process a call."""
    await site.identity.refresh()
    await site.engine.refresh()
    calls, ends, cpu = 0, time.monotonic() + SECONDS, time.process_time()

    async def keep_calling() -> None:
        nonlocal calls
        while time.monotonic() < ends:
            call = Call(
                door="bench", action="server.connect", resource=Resource("server", "a"), trace=new_trace(),
                credential=BearerToken(token), arguments=ARGUMENTS, address="127.0.0.1",
            )  # fmt: skip
            async with site.admission.admit(call) as passage:
                passage.note(result=RESULT)
            calls += 1

    await asyncio.gather(*(keep_calling() for _ in range(CALLERS)))
    return calls / SECONDS, (time.process_time() - cpu) / calls * 1e6


async def main(rounds: int) -> None:
    """Print the table."""
    async with AsyncExitStack() as stack:
        sites = {name: await prepared(stack, name) for name in ("open", "sealed")}
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in sites}
        for _ in range(rounds):
            for name, (site, token) in sites.items():
                found[name].append(await rate(site, token))
    middle = {
        name: [statistics.median(one[part] for one in rows) for part in (0, 1)]
        for name, rows in found.items()
    }
    for name, (calls, cpu) in middle.items():
        sys.stdout.write(f"{name:7} {calls:8.0f} calls/s {cpu:6.1f} CPU us a call\n")
    (open_calls, open_cpu), (calls, cpu) = middle["open"], middle["sealed"]
    shares = f"{calls / open_calls:.2f} of the calls, {cpu / open_cpu:.2f} of the CPU time"
    sys.stdout.write(f"sealed against open: {shares}\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
