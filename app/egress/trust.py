"""TLS towards destinations: the site's own authorities, given once, hold for every client."""

import ssl

from app.config.schema import Egress
from app.core.errors import ConfigError


def client_context(settings: Egress) -> ssl.SSLContext:
    """Verify names and chains, TLS 1.2 or newer; ConfigError if the bundle cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.system_trust:
        context.set_default_verify_paths()
    if settings.ca_bundle:
        try:
            context.load_verify_locations(cafile=settings.ca_bundle)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"egress.ca_bundle: {settings.ca_bundle} cannot be used ({error.strerror or error}).",
                remedy="Give a PEM file of certificates.",
            ) from None
    return context
