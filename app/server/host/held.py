"""What the kernel refuses this server: said in the log, in the record when it changed, and tried by `doctor`."""

import logging
from collections.abc import Iterator

from app.audit.event import Event
from app.config import Profile
from app.core.ids import new_trace, uuid7
from app.egress import Held
from app.egress.enforcement import wanted
from app.egress.watching import attempts
from app.server.checks import Finding
from app.server.process import all_places
from app.server.site import Site

log = logging.getLogger(__name__)


_ACTION = "egress.enforce"


async def say_held(site: Site, held: Held) -> None:
    """A start that reaches what the one before reached writes nothing; nobody waits for a row that is written."""
    log.info("the kernel refuses this process: %s", held.text)
    mode, body = site.profile.egress.enforce, {"on": dict(held.on), "off": dict(held.off)}
    before = await site.reading.latest(_ACTION, node=site.profile.node)
    if before is not None and (before.resource, before.body) == (mode, body):
        return
    now, trace = site.clock.now(), new_trace()
    row = str(uuid7(now_us=int(now.timestamp() * 1_000_000)))
    site.recorder.post(
        Event(
            id=row,
            call=row,
            time=now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            kind="event",
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            door="server",
            action=_ACTION,
            resource_kind="egress",
            resource=mode,
            actor="sallyport",
            actor_kind="system",
            status="ok",
            body=body,
        )
    )


def enforcement_findings(profile: Profile) -> Iterator[Finding]:
    """How far this kernel can hold `serve`, found out by trying in a child; call it before any thread."""
    mode = profile.egress.enforce
    if mode == "off":
        yield Finding(
            check="egress",
            state="warn",
            found="egress.enforce is off",
            remedy="Remove it: auto is the default.",
        )
        return
    places = all_places(profile)
    tried = [one for one in attempts(places, kernel=True) if one.layer == "kernel"]
    needed = {"a datagram", "a question to a name server"} if wanted(places)[1] else set()
    failed = [one for one in tried if not one.refused and one.what not in needed]
    for one in failed:
        yield Finding(
            check="egress",
            state="fail" if mode == "required" else "warn",
            found=f"the kernel does not refuse {one.what}: {one.how}",
            remedy="Use a kernel of 6.7 or newer with Landlock, and nftables: `sallyport egress nftables`.",
        )
    if not failed:
        udp = "; UDP is left, because a destination is a name" if needed else ""
        yield Finding(check="egress", state="ok", found=f"the kernel holds serve to the declared ports{udp}")
