"""The manual inside the file, as pages; an air-gapped site has no other."""

import posixpath
import re
from typing import Any

from app.console.door import View, Visit
from app.core.errors import NotFoundError
from app.core.paths import page, resources, topics

_SECTIONS = {
    "": "Start",
    "operators": "Operators",
    "administrators": "Administrators",
    "developers": "Developers",
    "auditors": "Auditors",
    "decisions": "Decisions behind the design",
}
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def views() -> list[View]:
    """`/console/help`, its topics, and the licences."""

    async def contents(visit: Visit) -> dict[str, Any]:
        return {"sections": sections(), "topic": "", "text": ""}

    async def topic(visit: Visit) -> dict[str, Any]:
        wanted = visit.params["topic"]
        source = page(wanted) if wanted in topics() else None
        if source is None:
            raise NotFoundError(f"The manual has no topic {wanted[:80]!r}.", remedy="See its contents.")
        return {"sections": sections(), "topic": wanted, "text": rendered(source, topic=wanted)}

    async def licences(visit: Visit) -> dict[str, Any]:
        return {"text": (resources() / "LICENSE").read_text(encoding="utf-8")}

    return [
        View(name="help", path="/console/help", read=contents),
        View(name="help", path="/console/help/{topic...}", read=topic),
        View(name="licences", path="/console/licences", read=licences),
    ]


def sections() -> list[tuple[str, list[tuple[str, str]]]]:
    """Headings with their topics and titles; folders that are not known come last under their own name."""
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in _SECTIONS}
    for name, title in topics().items():
        found.setdefault(posixpath.dirname(name), []).append((name, title))
    return [(_SECTIONS.get(name, name.title()), entries) for name, entries in found.items() if entries]


def rendered(source: str, *, topic: str) -> Any:
    """Markdown as HTML: raw HTML escaped, links kept inside the manual."""
    # Read when the first page of the manual is asked for, like the templates.
    import mistune  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415
    from mistune.plugins.formatting import strikethrough  # noqa: PLC0415
    from mistune.plugins.table import table  # noqa: PLC0415

    class Renderer(mistune.HTMLRenderer):
        """Links lead to other topics; images and other sites are named, not loaded."""

        def link(self, text: str, url: str, title: str | None = None) -> str:
            target = address(url, topic=topic)
            return f'<a href="{mistune.escape(target)}">{text}</a>' if target else text

        def image(self, text: str, url: str, title: str | None = None) -> str:
            return mistune.escape(text)

        def heading(self, text: str, level: int, **attrs: Any) -> str:
            mark = re.sub(r"[^a-z0-9]+", "-", re.sub(r"<[^>]*>", "", text).lower()).strip("-")
            return f'<h{level} id="{mark}">{text}</h{level}>\n'

        def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
            name = "th" if head else "td"
            return f"<{name}>{text}</{name}>"

    markdown = mistune.create_markdown(renderer=Renderer(escape=True), plugins=[table, strikethrough])
    return Markup(markdown(source))  # noqa: S704 - escaped by the renderer


def address(url: str, *, topic: str) -> str:
    """Where a link of the manual leads: a topic, a heading, or nowhere."""
    if url.startswith("#"):
        return url
    path, _, mark = url.partition("#")
    if _SCHEME.match(url) or path.startswith(("/", "\\")):
        return ""
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(topic), path)).removesuffix(".md")
    if wanted not in topics():
        return ""
    return f"/console/help/{wanted}{'#' + mark if mark else ''}"
