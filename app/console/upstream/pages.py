"""`/console/sign-ins`: how the reader stands with each server that wants a sign-in; in by one button, out by another."""

from typing import Any
from urllib.parse import quote

from aiohttp import web

from app.console.browser import SESSION, cookie, ours, read_form
from app.console.door import Door, View, Visit, call_of, frame_of, html, see_other
from app.console.sources import Sources
from app.core.call import NO_CREDENTIAL, Resource
from app.core.errors import InputError, NotFoundError, SallyportError
from app.core.ids import Trace, continue_trace
from app.core.passage import Passage
from app.extensions import Params, Route
from app.secrets.signins import Begun

ROOT = "/console/sign-ins"
_NOT_OURS = InputError(
    "This form did not come from a page of this console, or it is too old.",
    remedy="Load the page again, and keep cookies for this site on.",
    status=403,
)


def views(sources: Sources) -> list[View]:
    """For everybody who may connect to servers, not only for those who may look into the console."""

    async def overview(visit: Visit) -> dict[str, Any]:
        return {"lines": await sources.sign_ins.overview(visit.passage), "path_of": path_of}

    async def one(visit: Visit) -> dict[str, Any]:
        standing = await sources.sign_ins.standing(visit.passage, visit.params["server"])
        return {"line": standing, "path": path_of(standing.server), "done": "done" in visit.query}

    return [
        View(name="sign-ins", path=ROOT, read=overview, action="server.connect", about="*"),
        View(
            name="sign-in-there",
            path=f"{ROOT}/{{server}}",
            read=one,
            action="server.connect",
            about="{server}",
        ),
    ]


def path_of(server: str) -> str:
    """The page of one server."""
    return f"{ROOT}/{quote(server, safe='')}"


class SigningIn:
    """The form: each is a call about that server. The browser goes on by a link, where the reader sees whereto."""

    def __init__(self, *, door: Door, sources: Sources) -> None:
        self._door = door
        self._sources = sources

    def routes(self) -> list[Route]:
        """Where the form is sent."""
        return [Route(method="POST", path=f"{ROOT}/{{server}}", endpoint=self.send)]

    async def send(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """Begin, or sign out; a form of another site is recorded and does nothing."""
        trace = continue_trace(request.headers.get("traceparent"))
        server, token = params["server"], cookie(request, SESSION)
        out, fault = await _asked(request, token)
        try:
            action = self._sources.sign_ins.action(server, out=out)
        except NotFoundError:
            action = "server.sign_in"  # denied or not, the attempt is recorded before it is told so
        credential = NO_CREDENTIAL if fault is not None else None
        call = call_of(request, trace, action, Resource("server", server), credential=credential)
        try:
            async with self._door.admission.admit(call) as passage:
                if fault is not None:
                    raise fault
                if out:
                    await self._sources.sign_ins.sign_out(passage, server)
                    return see_other(path_of(server), trace=trace)
                begun = await self._sources.sign_ins.begin(passage, server, via="console")
                return self._onward(request, passage, begun, trace)
        except Exception as error:  # noqa: BLE001 - whatever failed, a person gets a page
            return self._door.refuse(request, fault if fault is not None and token else error, trace)

    def _onward(
        self, request: web.BaseRequest, passage: Passage, begun: Begun, trace: Trace
    ) -> web.StreamResponse:
        values = {"begun": begun, "host": begun.url.partition("?")[0], "path": path_of(begun.server)}
        frame = frame_of(request, passage, section="sign-ins", trace=trace)
        return html(self._door.templates.render("sign-in-onward.html", frame | values), trace=trace)


async def _asked(request: web.BaseRequest, token: str) -> tuple[bool, SallyportError | None]:
    """Whether to sign out, and what is wrong with the form."""
    try:
        fields = await read_form(request)
    except SallyportError as error:
        return False, error
    if not ours(request, fields, secret=token):
        return False, _NOT_OURS
    what = fields.get("do", "")
    if what not in ("in", "out"):
        return False, InputError("The form says neither in nor out.", remedy="Load the page again.")
    return what == "out", None
