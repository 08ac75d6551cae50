"""The demo's site: a profile made in memory, a few people, the simulated provider beside it."""

import os
import socket
from pathlib import Path

import msgspec

from app.config.gateway.models import Model, Provider
from app.config.schema import Destination, Egress, Listen, Profile
from app.config.secret import Secret
from app.config.tools import Mcp, McpServer
from app.core.call import Resource
from app.core.errors import ConflictError
from app.core.frozen import own_command
from app.core.paths import frozen, resources
from app.server.first_run import host_call
from app.server.site import Site

ADMINISTRATOR = "admin"
AGENT = "demo-agent"


def demo_profile(base: Profile, *, address: str, provider_url: str) -> Profile:
    """The base profile with the demo's provider, model and tool server; plain HTTP, as it stays on loopback."""
    host, _, port = address.rpartition(":")
    environment = {} if frozen() else {"PYTHONPATH": Secret(str(resources()))}
    front = Destination(host=host, port=int(port), purpose="the demo's own client")
    return msgspec.structs.replace(
        base,
        node="demo",
        listen=Listen(address=address, plain_http="loopback"),
        providers={
            "simulated": Provider(dialect="openai", url=f"{provider_url}/v1", labels=("on-site",)),
            "simulated-anthropic": Provider(dialect="anthropic", url=provider_url, labels=("on-site",)),
        },
        models={
            "demo-model": Model(provider="simulated", price="simulated"),
            "claude-demo": Model(
                provider="simulated-anthropic", price="simulated", display_name="Claude (simulated)"
            ),
        },
        mcp=Mcp(
            servers={
                "sample": McpServer(
                    command=(*own_command(), "sample-mcp"),
                    environment=environment,
                    read=() if frozen() else (str(resources()),),
                    description="Tickets of a made-up help desk",
                )
            }
        ),
        egress=Egress(destinations={"demo-client": front}),
    )


def free_address(wanted: str) -> str:
    """The wanted loopback address, or one with a free port when it is taken."""
    host, _, port = wanted.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError:
            probe.bind((host, 0))
        return f"{host}:{probe.getsockname()[1]}"


async def populate(site: Site) -> tuple[str, str]:
    """The demo's people, once; returns a fresh API key of the agent and a one-time sign-in token."""
    await _once(site, "admin.user.create", Resource("user", ADMINISTRATOR), "administrator")
    await _once(site, "admin.service.create", Resource("service", AGENT), "developer")
    call = host_call("admin.key.create", Resource("key", AGENT))
    async with site.admission.admit(call) as passage:
        made = await site.identity.keys.create(passage, owner=AGENT, label="demo")
    async with site.admission.admit(host_call("admin.user.link", Resource("user", ADMINISTRATOR))) as passage:
        token = await site.identity.setup.mint_sign_in(passage, ADMINISTRATOR)
    await site.identity.refresh()
    return made.token, token


async def _once(site: Site, action: str, resource: Resource, role: str) -> None:
    accounts = site.identity.users if resource.kind == "user" else site.identity.services
    if any(account.name == resource.name for account in await accounts.list_all()):
        return
    async with site.admission.admit(host_call(action, resource)) as passage:
        await accounts.create(passage, name=resource.name, roles=[role])


def demo_folder(given: Path | None) -> Path:
    """The folder given, or a new private one."""
    if given is not None:
        return given
    base = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - a new private folder below
    for number in range(os.getpid(), os.getpid() + 1000):
        folder = base / f"sallyport-demo-{number}"
        try:
            folder.mkdir(mode=0o711)
        except FileExistsError:
            continue
        return folder
    raise ConflictError(f"No new folder can be made in {base}.", remedy="Give one by --data.")
