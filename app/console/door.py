"""From a request to a page: who looks, may they, written down, read, rendered; every refusal is a page too."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from app.admission import Admission
from app.console.browser import HEADERS, SESSION, cookie, drop, form_token, wants_html
from app.console.render import Templates
from app.core import verdict
from app.core.call import NO_CREDENTIAL, Call, Credential, Inherited, Resource, SessionCookie
from app.core.errors import (
    ConflictError,
    DatabaseError,
    DeniedError,
    InputError,
    NotFoundError,
    RecordUnavailableError,
    SallyportError,
    UpstreamError,
)
from app.core.ids import Trace, child_span, continue_trace
from app.core.passage import Passage
from app.extensions import Endpoint, Params

log = logging.getLogger(__name__)

MAX_QUERY = 1024
NAVIGATION = (
    ("overview", "/console", "Overview"),
    ("decisions", "/console/decisions", "Decisions"),
    ("people", "/console/people", "People"),
    ("spend", "/console/spend", "Spend"),
    ("policies", "/console/policies", "Policies"),
    ("servers", "/console/servers", "Servers & models"),
    ("secrets", "/console/secrets", "Secrets"),
    ("health", "/console/health", "Health"),
    ("help", "/console/help", "Manual"),
)


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One admitted look at a view."""

    passage: Passage
    params: Params
    query: Mapping[str, str]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A page. `record` names what of the record it shows, `{param}` filled in; that needs `audit.read` too.

    A page that is not for those alone who may look into the console names another `action` `about` a server.
    """

    name: str
    path: str
    read: Callable[[Visit], Awaitable[dict[str, Any]]]
    record: str = ""
    template: str = ""
    action: str = "console.view"
    about: str = ""

    def resource(self, params: Params) -> Resource:
        """What looking at it is about."""
        return (
            Resource("server", self.about.format_map(params)) if self.about else Resource("page", self.name)
        )


class Door:
    """Turns views into endpoints, and failures into pages."""

    def __init__(self, *, admission: Admission, templates: Templates) -> None:
        self.admission = admission
        self.templates = templates

    def page(self, view: View) -> Endpoint:
        """The endpoint of a view."""

        async def answer(request: web.BaseRequest, params: Params) -> web.StreamResponse:
            trace = continue_trace(request.headers.get("traceparent"))
            try:
                return await self._look(view, request, params, trace)
            except Exception as error:  # noqa: BLE001 - whatever failed, a person gets a page
                return self.refuse(request, error, trace)

        return answer

    async def _look(self, view: View, request: web.BaseRequest, params: Params, trace: Trace) -> web.Response:
        query, arguments = dict(request.query), {**request.query, **params}
        call = call_of(request, trace, view.action, view.resource(params), arguments=arguments)
        async with AsyncExitStack() as stack:
            passage = await stack.enter_async_context(self.admission.admit(call))
            if view.record:
                reading = msgspec.structs.replace(
                    call,
                    action="audit.read",
                    resource=Resource("record", view.record.format_map(params)),
                    credential=Inherited(passage),
                    trace=child_span(trace),
                )
                await stack.enter_async_context(self.admission.admit(reading))
            check_query(query)
            found = await view.read(Visit(passage=passage, params=params, query=query))
            frame = frame_of(request, passage, section=view.name, trace=trace)
            text = self.templates.render(view.template or f"{view.name}.html", frame | found)
        return html(text, trace=trace)

    def refuse(
        self, request: web.BaseRequest, error: Exception, trace: Trace, *, stay: bool = False
    ) -> web.Response:
        """The page for a failure; whoever is not signed in is sent to do so, unless what was asked may not be repeated."""
        if not isinstance(error, SallyportError):
            log.error("%s %s failed", request.method, request.path, exc_info=error)
            error = SallyportError("Sallyport failed on this page.", remedy="Its log says why.")
        status, title = _told(error)
        token = cookie(request, SESSION)
        nobody = isinstance(error, DeniedError) and error.anonymous
        if status == 401 and not stay and request.method in ("GET", "HEAD") and wants_html(request):
            response = see_other(f"/console/sign-in?next={_quoted(request.path_qs)}", trace=trace)
        else:
            values = {
                "status": status,
                "title": title,
                "error": error,
                "decision": getattr(error, "decision", None),
                "trace_id": trace.trace_id,
                "form": form_token(token) if token and not nobody else "",
            }
            response = html(self.templates.render("refused.html", values), status=status, trace=trace)
        if response.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="sallyport"'
        if nobody and token:
            drop(response, request, SESSION)
        if status == 503:
            response.headers["Retry-After"] = str(getattr(error, "retry_after", 2))
        return response


def frame_of(request: web.BaseRequest, passage: Passage, *, section: str, trace: Trace) -> dict[str, Any]:
    """What every page of somebody signed in is given."""
    return {
        "me": passage.principal,
        "section": section,
        "navigation": NAVIGATION,
        "form": form_token(cookie(request, SESSION)),
        "trace_id": trace.trace_id,
    }


def _told(error: SallyportError) -> tuple[int, str]:
    if isinstance(error, DeniedError):
        if error.decision.reason == verdict.TOO_MANY:
            return 429, "Too many attempts"
        return (401, "You are not signed in") if error.anonymous else (403, "This page is not open to you")
    if isinstance(error, InputError):
        return error.status, "That cannot be used"
    if isinstance(error, RecordUnavailableError | DatabaseError):
        return 503, "The record is out of reach"
    if isinstance(error, NotFoundError):
        return 404, "There is nothing here"
    if isinstance(error, UpstreamError):
        return error.status, "The other side failed"
    return (409, "That is not possible") if isinstance(error, ConflictError) else (500, "Something failed")


def call_of(
    request: web.BaseRequest,
    trace: Trace,
    action: str,
    resource: Resource,
    *,
    credential: Credential | None = None,
    arguments: Mapping[str, str] | None = None,
) -> Call:
    """A call from a browser; the session's cookie is its credential unless another is given."""
    if credential is None:
        token = cookie(request, SESSION)
        credential = SessionCookie(token) if token else NO_CREDENTIAL
    return Call(
        door="console",
        action=action,
        resource=resource,
        trace=trace,
        credential=credential,
        arguments=dict(arguments) if arguments else None,
        client=request.headers.get("User-Agent", "")[:200],
        address=request.remote or "",
    )


def check_query(query: Mapping[str, str]) -> None:
    """Refuse a query that no page of ours links to; parameters that a page does not know are left alone."""
    for name, value in query.items():
        if len(value) > MAX_QUERY or not (value.isprintable() and name.isprintable()):
            raise InputError("The address holds a value that no page understands.", remedy="Start again.")


def html(text: str, *, trace: Trace, status: int = 200) -> web.Response:
    """A page with every protection."""
    headers = {**HEADERS, "traceparent": trace.traceparent}
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def see_other(path: str, *, trace: Trace) -> web.Response:
    """Go on there with GET."""
    return web.Response(status=303, headers={**HEADERS, "Location": path, "traceparent": trace.traceparent})


def _quoted(path: str) -> str:
    return quote(path[:1024], safe="")
