"""What to start, and the environment it gets."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.egress.sandbox.confinement import Confinement

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A command with its whole environment; `home` is private to it and made before it starts."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    home: Path
    confinement: Confinement = Confinement()
    descriptors: Mapping[str, bytes] = {}
    """Variable that will hold a descriptor's number, and what the program reads from that descriptor."""
    port: int = 0
    """The TCP port that it serves on its loopback, 0 for a program that talks through its pipes."""


TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO")
"""Where OpenSSL, Python, Go, curl, Node and git look for authorities."""


def child_environment(
    declared: Mapping[str, str], *, own: Mapping[str, str], home: Path, trust: str = ""
) -> dict[str, str]:
    """PATH and LANG of ours, a private HOME, and what the profile declares; no loader or bundle variable.

    `trust` is the file of authorities for a program that may use the network.
    """
    environment = {"PATH": own.get("PATH") or _PATH, "HOME": str(home), "LANG": own.get("LANG") or "C.UTF-8"}
    return {**environment, **(dict.fromkeys(TRUST, trust) if trust else {}), **declared}
