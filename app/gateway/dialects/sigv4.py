"""AWS Signature Version 4 (IAM User Guide, "Create a signed AWS API request"): a request's bytes under a secret key."""

import hashlib
import hmac
import re
from datetime import datetime
from urllib.parse import quote

import msgspec

from app.gateway.dialects.dialect import Headers, Sent

_KEYS = re.compile(r"(\w{4,128}):([^\s:]+)(?::([^\s:]+))?", re.ASCII)
ALGORITHM = "AWS4-HMAC-SHA256"


class AccessKeys(msgspec.Struct, frozen=True):
    """An access key's id and secret, and the token of a temporary one. Never shown."""

    id: str
    secret: str
    token: str = ""

    def __repr__(self) -> str:
        return "AccessKeys(***)"


def parse_keys(text: str) -> AccessKeys | None:
    """The keys of `ID:SECRET[:TOKEN]`; None when it is nothing like that."""
    found = _KEYS.fullmatch(text)
    return AccessKeys(found[1], found[2], found[3] or "") if found else None


def sign(keys: AccessKeys, sent: Sent, *, method: str, scope: tuple[str, str], at: datetime) -> Headers:
    """The headers to add. `scope` is region and service; `host` and the type of the content are signed as well."""
    time = at.strftime("%Y%m%dT%H%M%SZ")
    added = [("x-amz-date", time)] + ([("x-amz-security-token", keys.token)] if keys.token else [])
    signed = dict(sorted([("host", sent.authority), *sent.headers, *added]))
    names = ";".join(signed)
    canonical = "\n".join(
        [
            method,
            # What is percent-encoded on the wire is encoded once more: only S3 does without.
            quote(sent.path, safe="/-_.~"),
            "",
            *(f"{name}:{' '.join(value.split())}" for name, value in signed.items()),
            "",
            names,
            hashlib.sha256(sent.body).hexdigest(),
        ]
    )
    region, service = scope
    place = f"{time[:8]}/{region}/{service}/aws4_request"
    text = f"{ALGORITHM}\n{time}\n{place}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{keys.secret}".encode()
    for part in place.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    proof = f"{ALGORITHM} Credential={keys.id}/{place}, SignedHeaders={names}, Signature={signature}"
    return (*added, ("authorization", proof))
