"""The types of the profile; descriptions here become `docs/operators/profile.md`."""

from typing import Annotated, Literal

from msgspec import Meta

from app.config.backup import Backup
from app.config.gateway.clients import Clients
from app.config.gateway.models import Model, Provider
from app.config.outward.sinks import Sink
from app.config.outward.vaults import Vault
from app.config.secret import Secret
from app.config.section import Name, Positive, Seconds, Section
from app.config.tools import Mcp

Kept = Literal["off", "digest", "redacted", "full"]


class Tls(Section, frozen=True):
    """The server certificate; without one, a local CA in the data folder issues it."""

    certificate: Annotated[
        str, Meta(description="PEM file with the certificate chain; read again when it changes")
    ] = ""
    key: Annotated[str, Meta(description="PEM file with the private key")] = ""
    minimum: Annotated[Literal["1.2", "1.3"], Meta(description="lowest TLS version")] = "1.2"


class Listen(Section, frozen=True):
    """Where requests come in."""

    address: Annotated[str, Meta(description="HOST:PORT; port 0 takes a free one")] = "127.0.0.1:8443"
    url: Annotated[
        str,
        Meta(
            description="how browsers and other sites reach this one, such as https://ai.site; empty: by the address"
        ),
    ] = ""
    names: Annotated[
        tuple[str, ...],
        Meta(description="host names and addresses clients use, in the certificate and the Host check"),
    ] = ()
    plain_http: Annotated[
        Literal["never", "loopback", "yes, without encryption"],
        Meta(description="HTTP instead of HTTPS: on loopback, or anywhere when said in these words"),
    ] = "never"
    tls: Annotated[Tls, Meta(description="certificate of the listener")] = Tls()
    origins: Annotated[
        tuple[str, ...],
        Meta(description="further browser origins that may call, such as https://tools.example"),
    ] = ()
    proxies: Annotated[
        tuple[str, ...],
        Meta(description="addresses or networks of reverse proxies that are believed about who calls"),
    ] = ()
    proxy_header: Annotated[
        str, Meta(description="header in which they append the address of whom they got a request from")
    ] = "X-Forwarded-For"
    max_body_bytes: Annotated[Positive, Meta(description="largest request body")] = 32 * 1024 * 1024
    body_timeout: Annotated[Seconds, Meta(description="seconds in which a request body must arrive")] = 30.0
    drain: Annotated[Seconds, Meta(description="seconds that running calls get after SIGTERM")] = 20.0


class Database(Section, frozen=True):
    """PostgreSQL 14 or newer; without `url` the embedded one in the data folder is started."""

    url: Annotated[
        Secret | None, Meta(description="postgresql://… of an existing database, `file:PATH` or `${VAR}`")
    ] = None
    owner_url: Annotated[
        Secret | None,
        Meta(
            description="the same database as the role that owns the schema; used to migrate and grant, only"
        ),
    ] = None
    sealer_url: Annotated[
        Secret | None, Meta(description="the same database as the role that seals the record")
    ] = None
    auditor: Annotated[
        str,
        Meta(description="role that may look at the record and nothing else, kept so after each migration"),
    ] = ""
    previous: Annotated[
        str,
        Meta(
            description="folder with the programs (bin/postgres) of the older PostgreSQL that wrote the embedded"
            " database; needed only when a start asks for it"
        ),
    ] = ""
    pool: Annotated[Positive, Meta(description="connections beside the record's own")] = 6
    connect_timeout: Annotated[Seconds, Meta(description="seconds to wait for a connection")] = 5.0


class Witness(Section, frozen=True):
    """Somebody who cosigns checkpoints (c2sp.org/tlog-witness), such as `sallyport witness` on another host."""

    url: Annotated[str, Meta(description="its base URL; add-checkpoint is put behind it")]
    key: Annotated[str, Meta(description="its verifier key, NAME+ID+KEY")]
    timeout: Annotated[Seconds, Meta(description="seconds it may take")] = 10.0


class Checkpoints(Section, frozen=True):
    """Where the signed heads of the record go, outside the database."""

    file: Annotated[
        str, Meta(description="append-only file; empty: record/checkpoints in the data folder")
    ] = ""
    seconds: Annotated[
        Seconds, Meta(description="seconds between two checkpoints that are kept and sent")
    ] = 60.0
    syslog: Annotated[
        Literal["never", "local"], Meta(description="also a line to /dev/log of this host (RFC 5424)")
    ] = "never"


Days = Annotated[int, Meta(ge=1, le=36_500)] | Literal["forever"]


class Retention(Section, frozen=True):
    """Days after the end of a month when its rows of a class are removed; see `sallyport help retention`."""

    anonymous: Annotated[Days, Meta(description="denied calls of nobody known, such as scans")] = 90
    reads: Annotated[
        Days, Meta(description="looks at the record and the console, lists of models and tools")
    ] = 400
    ai: Annotated[Days, Meta(description="AI requests")] = "forever"
    tools: Annotated[Days, Meta(description="calls of tools, resources and prompts")] = "forever"
    admin: Annotated[Days, Meta(description="administrative changes")] = "forever"
    rest: Annotated[Days, Meta(description="everything else, such as sessions")] = "forever"


class Record(Section, frozen=True):
    """What the record keeps, how long a call waits for it, and how it is sealed."""

    commit_timeout: Annotated[
        Seconds, Meta(description="seconds an intent may take before the call is refused")
    ] = 5.0
    waiting: Annotated[Positive, Meta(description="intents that may wait at once; more are refused")] = 4096
    ai_content: Annotated[
        Kept,
        Meta(description="AI requests and answers: only their size, a digest, with masks, or in full"),
    ] = "digest"
    tool_content: Annotated[Kept, Meta(description="the same for tool arguments and results")] = "full"
    personal: Annotated[
        Literal["sealed", "open"],
        Meta(
            description="values of persons: under a key each, so that they can be erased, or in clear for plain SQL"
        ),
    ] = "sealed"
    subjects_key: Annotated[
        Secret | None,
        Meta(
            description="the key that wraps persons' keys, 64 hex digits; else keys/record/subjects is made"
        ),
    ] = None
    retention: Annotated[Retention, Meta(description="how long rows stay, by class: days or `forever`")] = (
        Retention()
    )
    origin: Annotated[
        str, Meta(description="name of the log, like a URL without scheme; empty: made from its first key")
    ] = ""
    keys: Annotated[
        str,
        Meta(
            description="signing keys: empty for the data folder, `file:PATH`, `credential:NAME` (systemd),"
            " a `pkcs11:` URI (RFC 7512), or `extension:NAME`"
        ),
    ] = ""
    checkpoints: Annotated[Checkpoints, Meta(description="signed heads outside the database")] = Checkpoints()
    witnesses: Annotated[dict[Name, Witness], Meta(description="who cosigns checkpoints, by name")] = {}


class Destination(Section, frozen=True):
    """A further place this site may connect to."""

    host: Annotated[str, Meta(description="name or address")]
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port")]
    purpose: Annotated[str, Meta(description="why")] = ""


class Egress(Section, frozen=True):
    """Where connections may go beside the database, providers and tool servers named elsewhere."""

    destinations: Annotated[dict[Name, Destination], Meta(description="further declared destinations")] = {}
    enforce: Annotated[
        Literal["auto", "off", "required"],
        Meta(
            description="let the kernel hold `serve` to the declared ports and to TCP: as far as it can, not at all,"
            " or do not start without"
        ),
    ] = "auto"
    ca_bundle: Annotated[
        str, Meta(description="PEM file of private authorities, for every outbound client and child")
    ] = ""
    system_trust: Annotated[bool, Meta(description="also trust the host's own authorities")] = True


class Identity(Section, frozen=True):
    """Sign-in and sessions."""

    session_idle: Annotated[Seconds, Meta(description="seconds without use after which a session ends")] = (
        1800.0
    )
    session_absolute: Annotated[
        Seconds, Meta(description="seconds after which a session ends in any case")
    ] = 43200.0
    lockout_failures: Annotated[Positive, Meta(description="failed sign-ins that lock an account")] = 5
    lockout_seconds: Annotated[Seconds, Meta(description="how long it stays locked")] = 900.0


class Secrets(Section, frozen=True):
    """The store of secrets: where the master key comes from that seals it."""

    master_key: Annotated[
        Name,
        Meta(description="`file`, `credential` (of systemd), `passphrase`, `pkcs11`, or an extension's name"),
    ] = "file"
    key_file: Annotated[str, Meta(description="its file; empty: keys/master.key in the data folder")] = ""
    credential: Annotated[str, Meta(description="name of the systemd credential")] = "sallyport-master-key"
    key_uri: Annotated[str, Meta(description="which keys of which token (`pkcs11:` URI, RFC 7512)")] = ""
    vaults: Annotated[
        dict[Name, Vault], Meta(description="servers that lead some of the secrets, by name (Vault, OpenBao)")
    ] = {}


class Log(Section, frozen=True):
    """Structured logs on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="lowest level shown")] = (
        "info"
    )
    format: Annotated[Literal["text", "json"], Meta(description="for people or for collectors")] = "text"


class Profile(Section, frozen=True):
    """The whole profile."""

    node: Annotated[
        Name, Meta(description="name of this node in the record; unique among nodes of one database")
    ] = "node-1"
    data: Annotated[
        str, Meta(description="data folder: keys, certificates, embedded database, child folders")
    ] = ""
    listen: Annotated[Listen, Meta(description="where requests come in")] = Listen()
    database: Annotated[Database, Meta(description="PostgreSQL")] = Database()
    record: Annotated[Record, Meta(description="the audit record")] = Record()
    providers: Annotated[dict[Name, Provider], Meta(description="AI providers by name")] = {}
    models: Annotated[dict[str, Model], Meta(description="models by the name clients use")] = {}
    clients: Annotated[Clients, Meta(description="clients of developers")] = Clients()
    mcp: Annotated[Mcp, Meta(description="tool servers")] = Mcp()
    sinks: Annotated[dict[Name, Sink], Meta(description="where the record is forwarded to, by name")] = {}
    egress: Annotated[Egress, Meta(description="further destinations and trust")] = Egress()
    identity: Annotated[Identity, Meta(description="sign-in and sessions")] = Identity()
    secrets: Annotated[Secrets, Meta(description="the store of secrets")] = Secrets()
    backup: Annotated[Backup, Meta(description="backups by the clock")] = Backup()
    log: Annotated[Log, Meta(description="logging")] = Log()
