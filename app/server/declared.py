"""The profile's tool servers, and where this site is reached, as they hold at this moment."""

from collections.abc import Mapping

from app.config import Profile
from app.config.gateway.models import Provider
from app.config.tools import Mcp


class Declared:
    """`mcp` and `providers` are the profile's sections at the start, and then what each reload made of them.

    `url` is how browsers reach us: what the profile says, else the listener's address once it is known.
    """

    def __init__(self, profile: Profile) -> None:
        self.mcp: Mcp = profile.mcp
        self.providers: Mapping[str, Provider] = profile.providers
        self.url = profile.listen.url.rstrip("/") or _guessed(profile)

    def listening(self, url: str, profile: Profile) -> None:
        """The listener has an address."""
        self.url = profile.listen.url.rstrip("/") or url


def _guessed(profile: Profile) -> str:
    """What a server with this profile is reached by; empty where only it knows."""
    host, _, port = profile.listen.address.rpartition(":")
    if port == "0" or host in ("", "0.0.0.0", "[::]"):  # noqa: S104 - compared, not bound
        host = ""
    host = profile.listen.names[0] if profile.listen.names else host
    scheme = "https" if profile.listen.plain_http == "never" else "http"
    return f"{scheme}://{host}:{port}" if host and port != "0" else ""
