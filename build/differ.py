"""Say what differs between two builds of the file: which entries of the tree, and from which byte.

Usage: python build/differ.py ONE OTHER   (needs zstd; exit code 1 when they differ)
"""

import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pack import FOOTER_SIZE, MAGIC

HEAD = "<cIHHQ"
SHOWN = 40
CONTEXT = 16


def main() -> int:
    """Print the differences, the first ones first."""
    one, other = (Path(argument).read_bytes() for argument in sys.argv[1:])
    if one == other:
        print("the files are the same")
        return 0
    found = list(differences(parts(one), parts(other)))
    print("\n".join(found[:SHOWN]))
    if len(found) > SHOWN:
        print(f"and {len(found) - SHOWN} more")
    return 1


def parts(file: bytes) -> dict[str, bytes]:
    """The launcher and each entry of the tree, by name; the mode and kind stand before the content."""
    footer = file[-FOOTER_SIZE:]
    magic, _, entries, offset, size, _ = struct.unpack_from("<16sIIQQQ", footer)
    if magic != MAGIC:
        raise SystemExit("error: not a bundle")
    raw = subprocess.run(
        ["zstd", "-d", "-q", "-c", "--long=27"],
        input=file[offset : offset + size],
        check=True,
        capture_output=True,
    ).stdout
    return {"(launcher)": file[:offset], **dict(entries_of(raw, entries))}


def entries_of(raw: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each entry, as build/pack.py wrote them."""
    at = 0
    for _ in range(count):
        kind, mode, name_size, patches, size = struct.unpack_from(HEAD, raw, at)
        at += struct.calcsize(HEAD)
        name = raw[at : at + name_size].decode()
        at += name_size + 8 * patches
        yield name, b"%c %o\n" % (kind, mode) + raw[at : at + size]
        at += size


def differences(one: dict[str, bytes], other: dict[str, bytes]) -> Iterator[str]:
    """One line for each entry that is not the same in both."""
    for name in sorted(one.keys() | other.keys()):
        if name not in one or name not in other:
            yield f"{name}: only in the {'first' if name in one else 'second'}"
        elif one[name] != other[name]:
            yield f"{name}: {described(one[name], other[name])}"


def described(one: bytes, other: bytes) -> str:
    """Sizes, and the bytes around the first that differ."""
    at = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    around = slice(max(0, at - CONTEXT), at + CONTEXT)
    return f"{len(one)} and {len(other)} bytes, from byte {at}: {one[around]!r} and {other[around]!r}"


if __name__ == "__main__":
    sys.exit(main())
