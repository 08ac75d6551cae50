"""All pages of the console, mounted."""

from typing import Any

from aiohttp import web

from app import __version__
from app.admission import Admission
from app.console import catalog, decisions, directory, manual, overview, secrets, spend, upstream
from app.console.browser import HEADERS, HOME, wants_html
from app.console.door import Door, View, Visit
from app.console.render import Templates
from app.console.signin import SignIn
from app.console.sources import Sources
from app.core.canonical import canonical
from app.core.errors import NotFoundError
from app.core.paths import resources
from app.extensions import Params, Route

_FOR_EVER = "public, max-age=31536000, immutable"


def routes(*, admission: Admission, sources: Sources) -> list[Route]:
    """Pages, forms, the live list, assets and the root of the site."""
    templates = Templates(resources() / "assets" / "console")
    door = Door(admission=admission, templates=templates)
    live = decisions.Live(door=door, sources=sources)
    views = [
        *overview.views(sources),
        *decisions.views(sources),
        *directory.views(sources),
        *spend.views(sources),
        *catalog.views(sources),
        *secrets.views(sources),
        *upstream.views(sources),
        *manual.views(),
    ]
    return [
        Route(method="GET", path="/", endpoint=_root, public="where browsers find the console, and a probe"),
        *SignIn(door=door, identity=sources.identity).routes(),
        *catalog.Judging(door=door, sources=sources).routes(),
        *secrets.Changing(door=door, sources=sources).routes(),
        *upstream.SigningIn(door=door, sources=sources).routes(),
        *upstream.Returning(door=door, sources=sources).routes(),
        Route(
            method="GET",
            path="/console/assets/{name}",
            endpoint=_assets(templates),
            public="style and script, the same on every site",
        ),
        Route(method="GET", path="/console/decisions/stream", endpoint=live.stream),
        *(Route(method="GET", path=view.path, endpoint=door.page(view)) for view in views),
        Route(method="GET", path="/console/{rest...}", endpoint=door.page(_UNKNOWN)),
    ]


async def _root(request: web.BaseRequest, params: Params) -> web.StreamResponse:
    if wants_html(request):
        return web.Response(status=303, headers={**HEADERS, "Location": HOME})
    return web.Response(body=canonical({"sallyport": __version__}), content_type="application/json")


async def _nothing(visit: Visit) -> dict[str, Any]:
    raise NotFoundError("The console has no such page.", remedy="Start at the overview.")


_UNKNOWN = View(name="unknown", path="/console/{rest...}", read=_nothing)


def _assets(templates: Templates) -> Any:
    async def asset(request: web.BaseRequest, params: Params) -> web.StreamResponse:
        found = templates.assets.get(params["name"])
        if found is None:
            raise NotFoundError("The console has no such file.", remedy="Load the page again.")
        headers = {**HEADERS, "Content-Type": found.type, "Cache-Control": _FOR_EVER}
        return web.Response(body=found.data, headers=headers)

    return asset
