"""Complete PyInstaller's tree: PostgreSQL, the loader and glibc of the build root; then prove it is closed.

Usage: python build/tree.py TREE POSTGRES

Afterwards every ELF file finds each library it needs inside the tree, so that nothing of the target's libc is
used. Nothing may be stripped after this step: patchelf's result does not survive it.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from pack import PLACEHOLDER

LIBC = (
    "libc.so.6",
    "libm.so.6",
    "libresolv.so.2",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
    "libgcc_s.so.1",
)
LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
POSTGRES_RUNPATH = "$ORIGIN/../lib:$ORIGIN/../.."


def main() -> int:
    """Complete the tree and check it."""
    tree, postgres = (Path(argument) for argument in sys.argv[1:])
    internal = tree / "_internal"
    add_postgres(postgres, internal / "postgres")
    add_libc(internal)
    share_openssl(internal)
    normalise(tree)
    missing = unresolved(internal)
    for line in missing:
        print(f"error: {line}", file=sys.stderr)
    return 1 if missing else 0


def add_postgres(source: Path, target: Path) -> None:
    """Copy the embedded server; its programs use the tree's loader and libraries."""
    shutil.copytree(source, target, symlinks=True)
    for program in sorted((target / "bin").iterdir()):
        patch = ["--set-interpreter", PLACEHOLDER.decode(), "--force-rpath", "--set-rpath", POSTGRES_RUNPATH]
        subprocess.run(["patchelf", *patch, program], check=True)


def add_libc(internal: Path) -> None:
    """Copy the loader and the libraries that PyInstaller leaves to the host."""
    loader = next(Path(path) for path in LOADERS if Path(path).exists())
    shutil.copyfile(loader.resolve(), internal / loader.name)
    (internal / loader.name).chmod(0o755)
    for name in LIBC:
        found = [folder / name for folder in library_folders() if (folder / name).exists()]
        shutil.copyfile(found[0].resolve(), internal / name)


def share_openssl(internal: Path) -> None:
    """Let psycopg's libpq use Python's OpenSSL when it is of the same series: one copy on disk and in memory.

    The wheel's copies bear a hash in their names. The loader finds a link of that name, and sees that it has the
    file already.
    """
    theirs = next(internal.glob("libcrypto-*.so.3"), None)
    if theirs is None or openssl_series(theirs) != openssl_series(internal / "libcrypto.so.3"):
        return
    for name in ("libcrypto", "libssl"):
        for copy in sorted(internal.glob(f"{name}-*.so.3")):
            copy.unlink()
            copy.symlink_to(f"{name}.so.3")


def openssl_series(libcrypto: Path) -> bytes:
    """Major and minor version, within which OpenSSL keeps its binary interface."""
    return re.findall(rb"OpenSSL (\d+\.\d+)\.\d+ ", libcrypto.read_bytes())[0]


def library_folders() -> list[Path]:
    """Where Debian keeps the libraries of this machine."""
    return sorted(path for path in Path("/usr/lib").glob("*-linux-gnu") if path.is_dir())


def normalise(tree: Path) -> None:
    """Two modes: folders and programs, and everything else."""
    for path in tree.rglob("*"):
        if not path.is_symlink():
            program = path.parent.name == "bin" or path.name.startswith("ld-linux") or path.parent == tree
            path.chmod(0o755 if path.is_dir() or program else 0o644)


def unresolved(internal: Path) -> list[str]:
    """Libraries that some file needs and the tree does not hold."""
    held = {path.name for path in internal.rglob("*") if not path.is_dir()}
    return [
        f"{path.relative_to(internal)} needs {needed}, which is not in the tree"
        for path in sorted(internal.rglob("*"))
        if is_elf(path)
        for needed in needed_by(path)
        if needed not in held
    ]


def is_elf(path: Path) -> bool:
    """Whether the file is a program or a library."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def needed_by(path: Path) -> list[str]:
    """The libraries that an ELF file names."""
    result = subprocess.run(["patchelf", "--print-needed", path], check=True, capture_output=True, text=True)
    return result.stdout.split()


if __name__ == "__main__":
    sys.exit(main())
