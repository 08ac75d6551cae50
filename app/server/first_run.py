"""What a site needs once: a policy to begin with, and a way in for its first administrator."""

import os
from pathlib import Path
from typing import Any

from app.core.call import Call, LocalOperator, Resource
from app.core.ids import new_trace
from app.core.paths import resources
from app.server.site import Site


async def first_policy(site: Site, *, name: str) -> None:
    """Apply one of the policies in the file while no policy was ever applied."""
    if any(row.name != "builtin" for row in await site.policies.overview()):
        return
    source = (policies_folder() / f"{name}.yaml").read_bytes()
    async with site.admission.admit(host_call("admin.policy.apply", Resource("policy", name))) as passage:
        applied = await site.policies.apply(passage, source)
        passage.note(result={"sha256": applied.sha256})
    await site.engine.refresh()


def policies_folder() -> Path:
    """The policies that travel in the file."""
    return resources() / "assets" / "policies"


def host_call(action: str, resource: Resource, arguments: dict[str, Any] | None = None) -> Call:
    """A change that the server makes by itself, on behalf of whoever started it."""
    return Call(
        door="server",
        action=action,
        resource=resource,
        arguments=arguments,
        trace=new_trace(),
        credential=LocalOperator(uid=os.getuid(), name="sallyport"),
        client="sallyport",
    )
