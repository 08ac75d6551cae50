"""Sign-in by password, setup link or sign-in link, and sign-out; each is a call `session.create` or `session.end`."""

import logging
import secrets
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from aiohttp import web

from app.console.browser import (
    FORM,
    SESSION,
    cookie,
    drop,
    form_token,
    keep,
    ours,
    read_form,
    safe_return,
)
from app.console.door import Door, call_of, html, see_other
from app.core import verdict
from app.core.call import NO_CREDENTIAL, Credential, PasswordCredential, Resource, SessionCookie, SetupToken
from app.core.errors import ConflictError, DeniedError, InputError, SallyportError
from app.core.ids import Trace, continue_trace, new_trace
from app.core.passage import Passage
from app.extensions import Params, Route
from app.identity import Identity

log = logging.getLogger(__name__)

Kind = Literal["sign-in", "setup", "link"]
_PUBLIC = "a form that shows nothing of the site"
_NOT_OURS = InputError(
    "This form did not come from a page of this console, or it is too old.",
    remedy="Load the page again, and keep cookies for this site on.",
    status=403,
)
_REFUSED = "That did not work. Check the name and password; an account may also be disabled or locked."
_LATER = "Too many attempts. Wait a few minutes and try again."
_LINK = "This link was used, replaced or has expired. Ask for a new one."


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A form as it came in: which one, its fields, and what it proves."""

    kind: Kind
    fields: Mapping[str, str]
    credential: Credential
    trace: Trace
    token: str = ""
    fault: SallyportError | None = None


class SignIn:
    """The pages before a session, and the end of one."""

    def __init__(self, *, door: Door, identity: Identity) -> None:
        self._door = door
        self._identity = identity

    def routes(self) -> list[Route]:
        """Forms are public; what they send is not."""
        return [
            Route(method="GET", path="/console/sign-in", endpoint=self.sign_in_form, public=_PUBLIC),
            Route(method="POST", path="/console/sign-in", endpoint=self.sign_in),
            Route(method="GET", path="/console/setup/{token}", endpoint=self.setup_form, public=_PUBLIC),
            Route(method="POST", path="/console/setup/{token}", endpoint=self.setup),
            Route(method="GET", path="/console/link/{token}", endpoint=self.link_form, public=_PUBLIC),
            Route(method="POST", path="/console/link/{token}", endpoint=self.link),
            Route(method="POST", path="/console/sign-out", endpoint=self.sign_out),
        ]

    async def sign_in_form(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """Name and password."""
        return self._form(request, "sign-in", new_trace())

    async def setup_form(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """Name and password of the first administrator."""
        return self._form(request, "setup", new_trace())

    async def link_form(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """One button: a link that signed in by being opened would be used up by whoever previews it."""
        return self._form(request, "link", new_trace())

    async def sign_in(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """Begin a session with a password."""
        return await self._begin(request, await self._asked(request, "sign-in", ""))

    async def setup(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """Make the first administrator and begin their session."""
        return await self._begin(request, await self._asked(request, "setup", params["token"]))

    async def link(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """Begin a session with a one-time link."""
        return await self._begin(request, await self._asked(request, "link", params["token"]))

    async def sign_out(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """End the session; a form of another site ends nothing, but its attempt is recorded."""
        trace = continue_trace(request.headers.get("traceparent"))
        token = cookie(request, SESSION)
        fields, fault = await _fields(request)
        forged = fault or (None if ours(request, fields, secret=token) else _NOT_OURS)
        try:
            await self._end(request, trace, "" if forged else token)
        except DeniedError as error:
            if forged is not None and token:
                return self._door.refuse(request, forged, trace)
            if not error.anonymous:
                return self._door.refuse(request, error, trace)
        except Exception as error:  # noqa: BLE001 - whatever failed, a person gets a page
            return self._door.refuse(request, error, trace)
        response = see_other("/console/sign-in", trace=trace)
        drop(response, request, SESSION)
        return response

    async def _asked(self, request: web.BaseRequest, kind: Kind, token: str) -> Asked:
        """What the form proves: nothing at all if it is not one of ours."""
        trace = continue_trace(request.headers.get("traceparent"))
        fields, fault = await _fields(request)
        if fault is None and not ours(request, fields, secret=cookie(request, FORM)):
            fault = _NOT_OURS
        credential: Credential = SetupToken(token)
        if kind == "sign-in":
            credential = PasswordCredential(
                name=fields.get("name", "").strip(), password=fields.get("password", "")
            )
        if fault is not None:
            credential = NO_CREDENTIAL
        return Asked(kind=kind, fields=fields, credential=credential, trace=trace, token=token, fault=fault)

    async def _begin(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        call = call_of(
            request,
            asked.trace,
            "session.create",
            Resource("session", "new"),
            credential=asked.credential,
            arguments={"by": asked.kind},
        )
        try:
            async with self._door.admission.admit(call) as passage:
                token = await self._new_session(passage, asked)
        except (DeniedError, InputError, ConflictError) as error:
            return self._again(request, asked, asked.fault or error)
        except Exception as error:  # noqa: BLE001 - whatever failed, a person gets a page
            return self._door.refuse(request, error, asked.trace)
        await self._end_old(request)
        response = see_other(safe_return(asked.fields.get("next", "")), trace=asked.trace)
        keep(response, request, SESSION, token)
        drop(response, request, FORM)
        return response

    async def _new_session(self, passage: Passage, asked: Asked) -> str:
        if asked.kind != "setup":
            return (await self._identity.sessions.begin(passage)).token
        fields = asked.fields
        if fields.get("password", "") != fields.get("again", ""):
            raise InputError("The two passwords differ.", remedy="Type the same one twice.")
        made = await self._identity.setup.first_administrator(
            passage,
            name=fields.get("name", "").strip(),
            password=fields.get("password", ""),
            display_name=fields.get("display_name", "").strip(),
        )
        return made.token

    async def _end_old(self, request: web.BaseRequest) -> None:
        """Whatever session this browser had before ends; it may have ended already."""
        if token := cookie(request, SESSION):
            try:
                await self._end(request, new_trace(), token)
            except SallyportError as error:
                log.info("the session before was not ended: %s", error)

    async def _end(self, request: web.BaseRequest, trace: Trace, token: str) -> None:
        credential = SessionCookie(token) if token else NO_CREDENTIAL
        call = call_of(request, trace, "session.end", Resource("session", "own"), credential=credential)
        async with self._door.admission.admit(call) as passage:
            await self._identity.sessions.end(passage, passage.principal.session)

    def _again(self, request: web.BaseRequest, asked: Asked, error: SallyportError) -> web.StreamResponse:
        """The form with what was wrong; never whether a name exists."""
        status, problem = _told(asked.kind, error)
        response = self._form(request, asked.kind, asked.trace, problem=problem, asked=asked)
        response.set_status(status)
        return response

    def _form(
        self,
        request: web.BaseRequest,
        kind: Kind,
        trace: Trace,
        *,
        problem: str = "",
        asked: Asked | None = None,
    ) -> web.Response:
        secret = cookie(request, FORM) or secrets.token_urlsafe(24)
        fields = asked.fields if asked else {}
        values: dict[str, Any] = {
            "form": form_token(secret),
            "action": quote(request.path, safe="/"),
            "next": safe_return(fields.get("next", "") or request.query.get("next", "")),
            "name": fields.get("name", "")[:64] if kind == "setup" else "",
            "display_name": fields.get("display_name", "")[:200],
            "problem": problem,
            "trace_id": trace.trace_id if problem else "",
        }
        response = html(self._door.templates.render(f"{kind}.html", values), trace=trace)
        keep(response, request, FORM, secret)
        return response


async def _fields(request: web.BaseRequest) -> tuple[dict[str, str], SallyportError | None]:
    """The fields of the form, or why there are none; the attempt is recorded in any case."""
    try:
        return await read_form(request), None
    except InputError as error:
        return {}, error


def _told(kind: Kind, error: SallyportError) -> tuple[int, str]:
    if not isinstance(error, DeniedError):
        return (error.status if isinstance(error, InputError) else 409), str(error)
    if error.decision.reason == verdict.TOO_MANY:
        return 429, _LATER
    if not error.anonymous:
        return 403, error.message
    return 403, _REFUSED if kind == "sign-in" else _LINK
