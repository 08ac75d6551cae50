"""The manual that travels in the file: Markdown pages under `docs/`."""

from pathlib import Path

from app.core.paths import resources


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
