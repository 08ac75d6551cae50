"""Pack the tree behind the launcher into one file; the layout is described in build/launcher/bundle.h.

Usage: python build/pack.py LAUNCHER TREE TARGET
       python build/pack.py --placeholder

Two runs over equal trees give equal bytes: entries are sorted, modes are two, times are not stored.
"""

import hashlib
import json
import re
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAGIC = b"SALLYPORT-BUNDLE"
FORMAT = 1
FOOTER_SIZE = 512
INTERPRETER_ROOM = 512  # bytes, the closing zero included
PLACEHOLDER = b"/SALLYPORT-INTERPRETER/".ljust(INTERPRETER_ROOM - 1, b"x")
LOADER = "_internal/ld-linux*.so.*"
BUDGETS = {"bytes": 30_000_000, "bytes_without_postgres": 24_000_000, "unpacked": 90_000_000}


def main() -> int:
    """Pack, then say how large it is and fail when that is too large."""
    if sys.argv[1:] == ["--placeholder"]:
        print(PLACEHOLDER.decode())
        return 0
    launcher, tree, target = (Path(argument) for argument in sys.argv[1:])
    content, entries = archived(tree)
    postgres, _ = archived(tree, only="_internal/postgres")
    with ThreadPoolExecutor(2) as side_by_side:
        payload, its_share = side_by_side.map(
            compressed, (content, postgres), (target.with_name("payload"), target.with_name("share"))
        )
    body = launcher.read_bytes() + payload
    partial = target.with_name(f"{target.name}.partial")
    partial.write_bytes(body + footer(body, len(payload), entries, len(content), loader_of(tree)))
    partial.chmod(0o755)
    partial.rename(target)
    without = target.stat().st_size - len(its_share)  # to within some kilobytes, as it is compressed alone
    facts = {"bytes": target.stat().st_size, "bytes_without_postgres": without, "unpacked": len(content)}
    target.with_name("facts.json").write_text(json.dumps(facts) + "\n")
    print(f"{target.name}: {target.stat().st_size} bytes, {without} without PostgreSQL, {entries} entries")
    over = [name for name, limit in BUDGETS.items() if facts[name] > limit]
    for name in over:
        print(f"error: {name} is {facts[name]}, over the budget of {BUDGETS[name]}", file=sys.stderr)
    return 1 if over else 0


def archived(tree: Path, *, leave_out: str = "", only: str = "") -> tuple[bytes, int]:
    """The tree, or a part of it, as one run of entries, folders before what is in them."""
    parts = [
        entry(path, str(path.relative_to(tree)))
        for path in sorted(tree.rglob("*"))
        if not leave_out or not str(path.relative_to(tree)).startswith(leave_out)
        if str(path.relative_to(tree)).startswith(only)
    ]
    return b"".join(parts), len(parts)


def entry(path: Path, name: str) -> bytes:
    """One folder, file or symbolic link."""
    if path.is_symlink():
        kind, mode, content = b"l", 0o777, str(path.readlink()).encode()
    elif path.is_dir():
        kind, mode, content = b"d", 0o755, b""
    else:
        kind, mode, content = b"f", 0o755 if path.stat().st_mode & 0o100 else 0o644, path.read_bytes()
    patches = [match.start() for match in re.finditer(re.escape(PLACEHOLDER) + b"\0", content)]
    head = struct.pack("<cIHHQ", kind, mode, len(name.encode()), len(patches), len(content))
    return head + name.encode() + struct.pack(f"<{len(patches)}Q", *patches) + content


def compressed(content: bytes, scratch: Path) -> bytes:
    """One zstd frame that states its size; one thread, because more would change the bytes."""
    scratch.write_bytes(content)
    result = scratch.with_suffix(".zst")
    subprocess.run(
        ["zstd", "-q", "-f", "-T1", "--ultra", "-20", "--long=27", scratch, "-o", result], check=True
    )
    data = result.read_bytes()
    scratch.unlink()
    result.unlink()
    return data


def loader_of(tree: Path) -> str:
    """The loader inside the tree, or nothing when the host's is used."""
    return next((str(path.relative_to(tree)) for path in tree.glob(LOADER)), "")


def footer(body: bytes, payload_size: int, entries: int, tree_size: int, loader: str) -> bytes:
    """The last 512 bytes, which end in their own digest."""
    fields = struct.pack(
        "<16sIIQQQ32s64s32s",
        MAGIC,
        FORMAT,
        entries,
        len(body) - payload_size,
        payload_size,
        tree_size,
        version().encode(),
        loader.encode(),
        hashlib.sha256(body).digest(),
    ).ljust(FOOTER_SIZE - 32, b"\0")
    return fields + hashlib.sha256(fields).digest()


def version() -> str:
    """The program's version, from its one place."""
    found = re.search(r'__version__ = "([^"]+)"', (ROOT / "app" / "__init__.py").read_text())
    if not found:
        raise SystemExit("error: app/__init__.py names no __version__")
    return found[1]


if __name__ == "__main__":
    sys.exit(main())
