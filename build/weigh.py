"""What the file consists of: bytes by part, unpacked and compressed, for dist/facts.json and `scripts/bench start`.

Usage: python build/weigh.py TREE FACTS   (adds `parts` to FACTS, largest first)

A part is a Python package, with what it brings as libraries and data, or a folder of ours. Parts are compressed one
by one and faster than the whole, so their sum is larger than the file: read the shares.
"""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from PyInstaller.archive.readers import CArchiveReader  # pyright: ignore[reportMissingImports]

OURS = ("migrations", "assets", "docs", "about", "postgres")
STANDARD = "Python itself"
LIBC = ("ld-linux", "libc.", "libm.", "libresolv", "libpthread", "libdl.", "librt.", "libutil", "libgcc_s")


def main() -> int:
    """Weigh the tree and add to the facts."""
    tree, facts = Path(sys.argv[1]), Path(sys.argv[2])
    parts: dict[str, list[bytes]] = defaultdict(list)
    for name, content in contents(tree):
        parts[name].append(content)
    weighed = [
        {"part": name, "bytes": sum(map(len, pieces)), "compressed": compressed(b"".join(pieces))}
        for name, pieces in parts.items()
    ]
    weighed.sort(key=lambda part: (-int(part["compressed"]), str(part["part"])))
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "parts": weighed}) + "\n")
    return 0


def contents(tree: Path) -> Iterator[tuple[str, bytes]]:
    """Each file's part and bytes; Python modules one by one, out of the program that holds them."""
    for path in sorted((tree / "_internal").rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield part_of(path.relative_to(tree / "_internal")), path.read_bytes()
    program = CArchiveReader(str(tree / "sallyport"))
    modules = program.open_embedded_archive("PYZ.pyz" if "PYZ.pyz" in program.toc else "PYZ-00.pyz")
    packages = {path.name for path in (tree / "_internal").iterdir()}
    for name in sorted(modules.toc):
        top = name.partition(".")[0]
        data = modules.extract(name, raw=True)
        yield top if top in packages or top not in sys.stdlib_module_names else STANDARD, data or b""


def part_of(path: Path) -> str:
    """The package that a file came with."""
    top = path.parts[0]
    if top in OURS:
        return "PostgreSQL" if top == "postgres" else f"our {top}"
    if top.startswith(LIBC):
        return "loader and glibc"
    if top.startswith(("libcrypto", "libssl")):
        return "OpenSSL"
    if top.startswith(("libpython", "python3", "base_library", "lib-dynload")):
        return STANDARD
    return top.removesuffix(".libs").partition("-")[0].partition(".")[0]


def compressed(content: bytes) -> int:
    """Bytes after zstd."""
    result = subprocess.run(["zstd", "-q", "-T1", "-9", "-c"], input=content, check=True, capture_output=True)
    return len(result.stdout)


if __name__ == "__main__":
    sys.exit(main())
