"""From a sink of the profile to its transport."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from app.audit.sinks.diode.transport import DiodeTransport, Sign
from app.audit.sinks.transports import Transport
from app.audit.sinks.transports.client import Client
from app.audit.sinks.transports.file import FileTransport
from app.audit.sinks.transports.post import PostTransport
from app.audit.sinks.transports.splunk import SplunkTransport
from app.audit.sinks.transports.stream import StreamTransport
from app.config.outward.sinks import Sink
from app.config.schema import Egress
from app.config.secret import Secret
from app.core.clock import Clock
from app.egress import Connector
from app.egress.http import Origin
from app.egress.trust import sink_context

_COLLECTOR = "/services/collector"


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """What transports need of the site: the way out, its trust, its key for diodes, time."""

    connector: Connector
    egress: Egress
    sign: Sign
    clock: Clock


def open_transport(name: str, sink: Sink, state: Mapping[str, str], *, ways: Ways) -> Transport:
    """The transport of a sink; connections and files are opened when the first rows are sent."""
    if sink.kind == "file":
        return FileTransport(path=Path(sink.path), rotation=sink.rotate, now=ways.clock.now, state=state)
    if sink.kind == "diode":
        return DiodeTransport(folder=Path(sink.path), stream=name, sign=ways.sign, state=state)
    if sink.kind == "syslog":
        return _stream(sink, ways)
    if sink.kind == "splunk":
        url = sink.url.rstrip("/")
        base = url[: url.index(_COLLECTOR)] if _COLLECTOR in url else url
        client = _client(name, sink, base, ways)
        return SplunkTransport(client=client, token=sink.token or Secret(""), acknowledge=sink.acknowledge)
    return _post(name, sink, ways)


def _stream(sink: Sink, ways: Ways) -> StreamTransport:
    host, _, port = sink.address.rpartition(":")
    return StreamTransport(
        host=host.strip("[]"),
        port=int(port),
        connector=ways.connector,
        tls=(lambda: sink_context(ways.egress, sink.tls)) if sink.protocol == "tls" else None,
        timeout=sink.timeout,
    )


def _post(name: str, sink: Sink, ways: Ways) -> PostTransport:
    parts = urlsplit(sink.url)
    headers = [(key.lower(), value.reveal()) for key, value in sink.headers.items()]
    if sink.token:
        headers.append(("authorization", f"Bearer {sink.token.reveal()}"))
    return PostTransport(
        client=_client(name, sink, f"{parts.scheme}://{parts.netloc}", ways),
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        headers=headers,
        layout=sink.layout,
        text=sink.format == "cef",
    )


def _client(name: str, sink: Sink, base: str, ways: Ways) -> Client:
    parts = urlsplit(base)
    secure = parts.scheme == "https"
    origin = Origin(
        name=name,
        host=parts.hostname or "",
        port=parts.port or (443 if secure else 80),
        secure=secure,
        path=parts.path.rstrip("/"),
    )
    return Client(
        origin=origin,
        connector=ways.connector,
        tls=lambda: sink_context(ways.egress, sink.tls),
        timeout=sink.timeout,
    )
