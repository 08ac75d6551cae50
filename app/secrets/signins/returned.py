"""The parameters of an address (RFC 3986 3.4), as a browser was sent to it."""

from urllib.parse import parse_qsl, urlsplit

from app.core.errors import InputError

MOST = 16
LONGEST = 8192


def query_fields(address: str) -> dict[str, str]:
    """Each parameter once; InputError for anything else."""
    text = address.strip()
    try:
        pairs = parse_qsl(urlsplit(text).query, keep_blank_values=True, max_num_fields=MOST)
    except ValueError:
        pairs = []
    fields = dict(pairs)
    if not fields or len(fields) != len(pairs) or len(text) > LONGEST:
        raise InputError(
            "That is not the address that the browser was sent to at the end.",
            remedy="Copy the whole of it, from https:// on, with everything behind the question mark.",
        )
    return fields
