"""What the types cannot say about `sinks`: each kind needs its own keys, and the formats that fit it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from app.config.outward.sinks import Sink
from app.core.errors import ConfigError

_NEEDS = {"file": "path", "diode": "path", "syslog": "address", "splunk": "url", "http": "url"}
_FOR: Mapping[str, frozenset[str]] = {
    "protocol": frozenset({"syslog"}),
    "rotate": frozenset({"file"}),
    "layout": frozenset({"http"}),
    "headers": frozenset({"http"}),
    "token": frozenset({"splunk", "http"}),
    "acknowledge": frozenset({"splunk"}),
    "index": frozenset({"splunk", "http"}),
    "tls": frozenset({"syslog", "splunk", "http"}),
}


def check_sinks(sinks: Mapping[str, Sink], *, source: str) -> None:
    """ConfigError for the first sink that cannot work as it is written."""
    for name, sink in sinks.items():
        for message, remedy in _faults(sink):
            raise ConfigError(f"{source}: sinks.{name}: {message}", remedy=remedy)


def _faults(sink: Sink) -> Iterator[tuple[str, str]]:
    needed = _NEEDS[sink.kind]
    for key in dict.fromkeys(_NEEDS.values()):
        given = bool(getattr(sink, key))
        if key == needed and not given:
            yield f"a {sink.kind} sink needs {key}.", f"Add {key}."
        if key != needed and given:
            yield f"a {sink.kind} sink has no {key}.", f"Remove {key}; it needs {needed}."
    default = Sink(kind=sink.kind)
    for key, kinds in _FOR.items():
        if sink.kind not in kinds and getattr(sink, key) != getattr(default, key):
            yield f"{key} is not for a {sink.kind} sink.", f"Remove {key}."
    yield from _of_kind(sink)
    if bool(sink.tls.certificate) != bool(sink.tls.key):
        yield "a client certificate needs both tls.certificate and tls.key.", "Give both, or neither."


def _of_kind(sink: Sink) -> Iterator[tuple[str, str]]:
    if sink.format == "rfc5424" and sink.kind != "syslog":
        yield "rfc5424 is a format of syslog.", "Write json, ocsf or cef."
    if sink.kind == "syslog":
        yield from _of_syslog(sink)
    elif sink.kind in ("splunk", "http"):
        yield from _of_http(sink)
    elif sink.path and not Path(sink.path).is_absolute():
        yield f"the path {sink.path!r} is not absolute.", "Write the whole path, from / on."


def _of_syslog(sink: Sink) -> Iterator[tuple[str, str]]:
    if sink.protocol == "udp":
        yield (
            "UDP syslog is not offered: nobody would know which rows were lost.",
            "Use protocol: tls or tcp; every current syslog server takes both.",
        )
    host, _, port = sink.address.rpartition(":")
    if not host.strip("[]") or not port.isdecimal() or not 0 < int(port) < 65536:
        yield f"the address {sink.address!r} is not HOST:PORT.", "Write for example logs.example:6514."


def _of_http(sink: Sink) -> Iterator[tuple[str, str]]:
    try:
        parts = urlsplit(sink.url)
        plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, plain = urlsplit(""), False
    if not plain or parts.username or parts.password or parts.fragment:
        yield f"{sink.url!r} is not a plain http or https URL.", "Write https://HOST[:PORT]/PATH."
    if sink.kind == "splunk" and not sink.token:
        yield "Splunk's collector takes nothing without a token.", "Add token: file:PATH."
    if sink.layout != "array" and sink.format == "cef":
        yield "CEF is text and fits layout: array only.", "Write format: json or ocsf."
    if sink.layout == "bulk" and not sink.index:
        yield "the bulk layout needs the index to write to.", "Add index."
