"""A second file out of the first: the same program with more migrations, packed, digested and named anew.

The payload is opened and closed with `zstd` at its fastest, so the result is larger; everything else of it is real.
"""

import hashlib
import re
import struct
import subprocess
from pathlib import Path

FOOTER = 512
_FIELDS = struct.Struct("<16sIIQQQ32s64s32s")
_ENTRY = struct.Struct("<cIHHQ")


def other_build(bundle: Path, target: Path, version: str, **migrations: str) -> Path:
    """The file under another version; each of `migrations` is a name and its SQL, numbered after those inside."""
    data = bundle.read_bytes()
    magic, layout, entries, at, size, tree, _, loader, _ = _FIELDS.unpack(data[-FOOTER:][: _FIELDS.size])
    payload = data[at : at + size]
    if migrations:
        content = _zstd(payload, "-d")
        first = max(map(int, re.findall(rb"_internal/migrations/(\d{4})_", content))) + 1
        for number, (name, text) in enumerate(migrations.items(), first):
            path = f"_internal/migrations/{number:04}_{name}.sql".encode()
            content += _ENTRY.pack(b"f", 0o644, len(path), 0, len(text.encode())) + path + text.encode()
        entries, tree, payload = entries + len(migrations), len(content), _zstd(content, "-1")
    body = data[:at] + payload
    digest = hashlib.sha256(body).digest()
    fields = (magic, layout, entries, at, len(payload), tree, version.encode(), loader, digest)
    footer = _FIELDS.pack(*fields).ljust(FOOTER - 32, b"\0")
    target.write_bytes(body + footer + hashlib.sha256(footer).digest())
    target.chmod(0o755)
    return target


def _zstd(content: bytes, how: str) -> bytes:
    words = ["zstd", "-q", "-c", how, "--long=27"]
    if how != "-d":
        words.append(f"--stream-size={len(content)}")  # the launcher wants the size in the frame's head
    return subprocess.run(words, input=content, check=True, capture_output=True).stdout
