"""TLS towards destinations: the site's own authorities, given once, hold for every client."""

import os
import ssl
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import msgspec

from app.config.outward.sinks import SinkTls
from app.config.schema import Egress
from app.core.errors import ConfigError

_HOSTS = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)
"""Where distributions keep all their authorities in one file."""


class HostTrusting(ssl.SSLContext):
    """A client context that reads the host's authorities when it first meets a server, and not before.

    They are 20 ms of processor time and a megabyte, and a site whose destinations are all plain, or whose bundle is all
    it trusts, never needs them.
    """

    _read = False

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """As in the base, which event loops call for each connection."""
        self._trust()
        return super().wrap_bio(*arguments, **named)

    def wrap_socket(self, *arguments: Any, **named: Any) -> ssl.SSLSocket:
        """As in the base."""
        self._trust()
        return super().wrap_socket(*arguments, **named)

    def _trust(self) -> None:
        if not self._read:
            self.set_default_verify_paths()
            self._read = True


def client_context(settings: Egress) -> ssl.SSLContext:
    """Verify names and chains, TLS 1.2 or newer; ConfigError if the bundle cannot be read."""
    kind = HostTrusting if settings.system_trust else ssl.SSLContext
    context = kind(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ca_bundle:
        try:
            context.load_verify_locations(cafile=settings.ca_bundle)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"egress.ca_bundle: {settings.ca_bundle} cannot be used ({error.strerror or error}).",
                remedy="Give a PEM file of certificates.",
            ) from None
    return context


def child_trust(settings: Egress, folder: Path) -> str:
    """The file of authorities for tool programs, made in `folder`: the site's, and the host's where they count too.

    Empty without `ca_bundle`: programs then trust what the host trusts.
    """
    if not settings.ca_bundle:
        return ""
    client_context(settings)
    parts = [Path(settings.ca_bundle).read_bytes()]
    if settings.system_trust:
        parts += [place.read_bytes() for place in _HOSTS if place.is_file()][:1]
    path, fresh = folder / "trust.pem", folder / "trust.pem.new"
    fresh.write_bytes(b"\n".join(parts))
    fresh.chmod(0o644)
    fresh.replace(path)
    return str(path)


def trust_of_libpq(settings: Egress, environment: MutableMapping[str, str] = os.environ) -> None:
    """Let the database's certificate be checked against the same authorities, unless its URL names others."""
    if settings.ca_bundle:
        environment.setdefault("PGSSLROOTCERT", settings.ca_bundle)


def sink_context(settings: Egress, own: SinkTls) -> ssl.SSLContext:
    """The same towards a sink: its own authorities stand in for the site's, and it may see a client certificate."""
    trust = msgspec.structs.replace(settings, ca_bundle=own.ca, system_trust=False) if own.ca else settings
    context = client_context(trust)
    if own.certificate:
        try:
            context.load_cert_chain(own.certificate, own.key, password="")
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"The client certificate {own.certificate} cannot be used ({error.strerror or error}).",
                remedy="Give PEM files of the chain and of its private key.",
            ) from None
    return context
