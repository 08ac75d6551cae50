"""The program's own read-only files, in a checkout and in the bundle; the manual is among them."""

import sys
from pathlib import Path


def frozen() -> bool:
    """Whether this process runs from the bundle."""
    return bool(getattr(sys, "frozen", False))


def resources() -> Path:
    """The folder that holds `migrations/`, `assets/` and `docs/`."""
    bundled = getattr(sys, "_MEIPASS", None)
    return Path(bundled) if bundled else Path(__file__).resolve().parent.parent.parent


def postgres_home() -> Path:
    """The embedded PostgreSQL (`bin`, `lib`, `share`); it may be absent in a checkout that was not set up."""
    return resources() / "postgres" if frozen() else resources() / ".cache" / "postgres"


def topics() -> dict[str, str]:
    """Topic (path below docs without .md) to title, in reading order."""
    folder = resources() / "docs"
    return {_topic(path, folder): _title(path) for path in sorted(folder.rglob("*.md"))}


def page(topic: str) -> str | None:
    """The Markdown of a topic, given whole or by its last part."""
    folder = resources() / "docs"
    for path in sorted(folder.rglob("*.md")):
        if topic in (_topic(path, folder), path.stem):
            return path.read_text(encoding="utf-8")
    return None


def _topic(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder).with_suffix(""))


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip()
