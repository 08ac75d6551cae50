"""The listener's certificate: yours, or one that a local authority in the data folder issues (X.509, RFC 5280)."""

import ssl
from datetime import datetime
from pathlib import Path

from app.config.schema import Tls
from app.core.errors import ConfigError


class Certificate:
    """The server's TLS context; `reload` takes in changed files without dropping a connection."""

    def __init__(self, *, certificate: Path, key: Path, minimum: str) -> None:
        self._certificate, self._key = certificate, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3 if minimum == "1.3" else ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._seen = self._marks()
        self._load(self.context)

    async def reload(self) -> bool:
        """Load the files again if they changed; a broken pair is refused and the old one stays."""
        marks = self._marks()
        if marks == self._seen:
            return False
        self._seen = marks
        self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self._load(self.context)
        return True

    def _marks(self) -> tuple[int, ...]:
        try:
            return tuple(path.stat().st_mtime_ns for path in (self._certificate, self._key))
        except OSError:
            return ()

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self._certificate, self._key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"listen.tls: {self._certificate} with {self._key} cannot be used ({error.strerror or error}).",
                remedy="Give a PEM certificate chain and its unencrypted private key.",
            ) from None


def certificate_for(settings: Tls, *, folder: Path, names: list[str], now: datetime) -> Certificate:
    """The profile's certificate, or the local authority's, issued when missing, expiring or for other names."""
    if settings.certificate or settings.key:
        if not (settings.certificate and settings.key):
            raise ConfigError(
                "listen.tls: certificate and key belong together.", remedy="Give both, or neither."
            )
        return Certificate(
            certificate=Path(settings.certificate), key=Path(settings.key), minimum=settings.minimum
        )
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    certificate, key = folder / "server.pem", folder / "server.key"
    # Only here, because cryptography's X.509 is 10 ms of a start and not needed for a certificate of yours.
    from app.server.listen.tls.issuing import fits, issue  # noqa: PLC0415

    if not fits(certificate, names, now):
        issue(folder, certificate, key, names, now)
    return Certificate(certificate=certificate, key=key, minimum=settings.minimum)
