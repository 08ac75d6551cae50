"""The section `sinks`: where a copy of the record goes."""

from typing import Annotated, Literal

from msgspec import Meta

from app.config.secret import Secret
from app.config.section import Positive, Seconds, Section


class SinkTls(Section, frozen=True):
    """TLS towards a sink; without `ca` the site's own trust holds."""

    ca: Annotated[str, Meta(description="PEM file of the only authorities to trust for this sink")] = ""
    certificate: Annotated[str, Meta(description="PEM file with the client certificate chain")] = ""
    key: Annotated[str, Meta(description="PEM file with its private key")] = ""


class SinkFilter(Section, frozen=True):
    """Which rows go to a sink; an empty list means all."""

    actions: Annotated[
        tuple[str, ...], Meta(description="actions; `*` at the end matches the rest, such as tool.*")
    ] = ()
    kinds: Annotated[
        tuple[Literal["intent", "outcome", "denial", "lost", "event"], ...], Meta(description="kinds of rows")
    ] = ()
    decisions: Annotated[
        tuple[Literal["permit", "forbid"], ...], Meta(description="decisions; rows without one are left out")
    ] = ()


class SinkRotation(Section, frozen=True):
    """When a file is closed and how many older ones are kept."""

    bytes: Annotated[Positive, Meta(description="size after which a file is rotated")] = 100 * 1024 * 1024
    hours: Annotated[Seconds, Meta(description="age in hours after which a file is rotated")] = 24.0
    keep: Annotated[Positive, Meta(description="older files that are kept")] = 30


class SinkBatch(Section, frozen=True):
    """How much is sent at once."""

    rows: Annotated[int, Meta(ge=1, le=5000, description="rows at most")] = 500
    bytes: Annotated[int, Meta(ge=65536, le=33554432, description="bytes at most")] = 1024 * 1024


class Sink(Section, frozen=True):
    """A place that gets a copy of the record, row by row, at least once."""

    kind: Annotated[Literal["file", "syslog", "splunk", "http", "diode"], Meta(description="how rows travel")]
    path: Annotated[str, Meta(description="file (file) or folder (diode)")] = ""
    address: Annotated[str, Meta(description="HOST:PORT (syslog)")] = ""
    url: Annotated[str, Meta(description="base URL (splunk) or the very URL to post to (http)")] = ""
    protocol: Annotated[
        Literal["tls", "tcp", "udp"],
        Meta(description="syslog over TLS, or over TCP in clear; udp is refused"),
    ] = "tls"
    format: Annotated[
        Literal["json", "rfc5424", "cef", "ocsf"],
        Meta(description="how a row is written; rfc5424 (syslog only) is structured data"),
    ] = "json"
    layout: Annotated[
        Literal["array", "lines", "bulk"],
        Meta(description="body of a post (http): JSON array, one a line, or Elasticsearch bulk"),
    ] = "array"
    filter: Annotated[SinkFilter, Meta(description="which rows")] = SinkFilter()
    contents: Annotated[
        Literal["keep", "redact"],
        Meta(description="arguments, details, results and errors: as recorded, or only their digest"),
    ] = "keep"
    personal: Annotated[
        Literal["sealed", "revealed"],
        Meta(description="persons' values: as the record seals them, or opened; no erasure reaches a sink"),
    ] = "sealed"
    tls: Annotated[SinkTls, Meta(description="trust and client certificate")] = SinkTls()
    token: Annotated[Secret | None, Meta(description="token (splunk) or bearer token (http)")] = None
    headers: Annotated[dict[str, Secret], Meta(description="further headers (http)")] = {}
    index: Annotated[str, Meta(description="Splunk index, or Elasticsearch index for bulk")] = ""
    acknowledge: Annotated[
        bool, Meta(description="wait for Splunk's indexer acknowledgement; the token must offer it")
    ] = False
    batch: Annotated[SinkBatch, Meta(description="how much is sent at once")] = SinkBatch()
    rotate: Annotated[SinkRotation, Meta(description="when files are rotated (file)")] = SinkRotation()
    start: Annotated[
        Literal["now", "beginning"], Meta(description="where a new sink begins in the record")
    ] = "now"
    refused: Annotated[
        Literal["hold", "skip"],
        Meta(description="a single row that the other side will not take: wait, or pass over and record it"),
    ] = "hold"
    node: Annotated[str, Meta(description="only this node forwards; empty: whichever node leads")] = ""
    timeout: Annotated[Seconds, Meta(description="seconds to wait for the other side")] = 30.0
    behind_after: Annotated[
        Seconds, Meta(description="seconds of lag after which the sink counts as behind")
    ] = 300.0
