"""The types of the section `mcp`: tool servers, what each may do and how it is kept."""

from typing import Annotated, Literal

from msgspec import Meta

from app.config.secret import Secret
from app.config.section import Name, Positive, Seconds, SecretName, Section


class McpLimits(Section, frozen=True):
    """What one tool program may take; 0 means no limit."""

    memory_mb: Annotated[
        int, Meta(ge=0, description="MiB of memory, of each process and of all of them together")
    ] = 1024
    processes: Annotated[int, Meta(ge=0, description="processes and threads at once")] = 256
    files: Annotated[int, Meta(ge=0, description="open files of each process")] = 1024
    file_mb: Annotated[int, Meta(ge=0, description="MiB of each file it writes")] = 1024
    cpu_percent: Annotated[
        int, Meta(ge=0, description="percent of one core, over a minute where no control group is delegated")
    ] = 0


class McpOAuth(Section, frozen=True):
    """Signing in at a remote tool server by OAuth 2.1; wanted as soon as an issuer is named."""

    issuers: Annotated[
        tuple[str, ...],
        Meta(
            description="authorization servers that may be used, each exactly as it calls itself; destinations too"
        ),
    ] = ()
    per: Annotated[
        Literal["user", "site"],
        Meta(description="whether everybody signs in for themselves, or an administrator once for all"),
    ] = "user"
    services: Annotated[
        Literal["sign-in", "client-credentials"],
        Meta(
            description="whether service accounts and agents sign in as people do, or the client gets tokens by itself; "
            "with `per: site` and `client-credentials` nobody signs in"
        ),
    ] = "sign-in"
    client_id: Annotated[
        str, Meta(description="the client registered there beforehand; empty: a document or a registration")
    ] = ""
    client_secret: Annotated[
        Secret | None,
        Meta(description="its secret: `file:PATH`, `${VAR}`, or `secret:NAME` granted to server:NAME"),
    ] = None
    scopes: Annotated[
        tuple[str, ...], Meta(description="scopes to ask for; empty: those that the server asks for")
    ] = ()


class McpServer(Section, frozen=True):
    """A tool server: a program spoken to over stdio, or a remote URL."""

    command: Annotated[tuple[str, ...], Meta(description="program and arguments (stdio)")] = ()
    environment: Annotated[
        dict[str, Secret], Meta(description="its whole environment beside PATH, HOME and LANG")
    ] = {}
    folder: Annotated[str, Meta(description="working folder; empty: a private one in the data folder")] = ""
    url: Annotated[str, Meta(description="Streamable HTTP endpoint")] = ""
    headers: Annotated[dict[str, Secret], Meta(description="headers sent to the remote endpoint")] = {}
    secrets: Annotated[
        dict[str, SecretName],
        Meta(
            description="stored secrets by where they go: `VARIABLE` or `fd:VARIABLE` of a program, "
            "`Header` or `Header: text {}` of a remote server; each must be granted too"
        ),
    ] = {}
    oauth: Annotated[
        McpOAuth, Meta(description="signing in at the remote server, once `issuers` are named")
    ] = McpOAuth()
    description: Annotated[str, Meta(description="one line for people")] = ""
    timeout: Annotated[Seconds, Meta(description="seconds a call may take")] = 60.0
    network: Annotated[bool, Meta(description="let the program use the network")] = False
    read: Annotated[tuple[str, ...], Meta(description="further files and folders the program may read")] = ()
    write: Annotated[
        tuple[str, ...], Meta(description="files and folders the program may change, beside its private one")
    ] = ()
    confinement: Annotated[
        Literal["", "best", "required"], Meta(description="as mcp.confinement, for this program")
    ] = ""
    user: Annotated[str, Meta(description="as mcp.user, for this program")] = ""
    limits: Annotated[McpLimits, Meta(description="what the program may take")] = McpLimits()
    start: Annotated[
        Literal["eager", "on_demand"],
        Meta(description="start the program with Sallyport, or at its first call"),
    ] = "eager"
    instances: Annotated[
        Literal["auto", "shared", "principal", "session"],
        Meta(
            description="processes of the program: one for all, one for each principal, one for each session; "
            "auto: one for all, and one more for a session that needs what only a connection of its own can carry"
        ),
    ] = "auto"
    idle_stop: Annotated[
        float,
        Meta(ge=0, description="seconds without a call after which it is stopped (on_demand); 0: never"),
    ] = 900.0
    health: Annotated[
        float,
        Meta(ge=0, description="seconds of silence after which it is asked whether it is well; 0: never"),
    ] = 15.0
    pins: Annotated[
        Literal["", "approve", "trust-first"], Meta(description="instead of `mcp.pins`, for this server")
    ] = ""


class Mcp(Section, frozen=True):
    """Tool servers behind the MCP endpoints."""

    confinement: Annotated[
        Literal["best", "required"],
        Meta(description="confine programs as far as this host can, or do not start them where it cannot"),
    ] = "best"
    user: Annotated[
        str,
        Meta(description="user of all programs when Sallyport runs as root; empty: one of its own for each"),
    ] = ""
    programs: Annotated[Positive, Meta(description="programs that may run at once")] = 64
    memory_mb: Annotated[int, Meta(ge=0, description="MiB for all programs together; 0: no limit")] = 0
    hold_after: Annotated[
        int, Meta(ge=0, description="starts in a row that fail before a program is held; 0: never")
    ] = 8
    servers: Annotated[dict[Name, McpServer], Meta(description="by the name that URLs and policies use")] = {}
    pins: Annotated[
        Literal["approve", "trust-first"],
        Meta(
            description="definitions seen for the first time: wait for a person, or are trusted if nothing is odd"
        ),
    ] = "trust-first"
    recheck: Annotated[
        float,
        Meta(ge=0, description="seconds for which a definition is taken as read before a call; 0: each call"),
    ] = 5.0
