"""The forms of secrets: each is an administrative call about the secret; values are not among its arguments."""

from typing import Literal, cast, get_args
from urllib.parse import quote

import msgspec
from aiohttp import web

from app.console.browser import SESSION, cookie, ours, read_form
from app.console.door import Door, call_of, see_other
from app.console.secrets.pages import ROOT
from app.console.sources import Sources
from app.core.call import NO_CREDENTIAL, Resource
from app.core.errors import InputError, SallyportError
from app.core.ids import continue_trace
from app.core.passage import Passage
from app.extensions import Params, Route
from app.secrets.names import LONGEST

Verb = Literal["set", "rotate", "grant", "revoke", "delete"]
_MOST = 3 * LONGEST + 4096
"""Bytes of a form: each byte of a value may be written as three."""
_NOT_OURS = InputError(
    "This form did not come from a page of this console, or it is too old.",
    remedy="Load the page again, and keep cookies for this site on.",
    status=403,
)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a form asks for."""

    verb: Verb
    name: str
    value: str = ""
    purpose: str = ""
    recipient: str = ""

    def __repr__(self) -> str:
        return f"Change({self.verb} {self.name})"


class Changing:
    """One endpoint for all of them."""

    def __init__(self, *, door: Door, sources: Sources) -> None:
        self._door = door
        self._sources = sources

    def routes(self) -> list[Route]:
        """Where the forms are sent."""
        return [Route(method="POST", path=ROOT, endpoint=self.change)]

    async def change(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """Do it, then go back; a form of another site is recorded and does nothing."""
        trace = continue_trace(request.headers.get("traceparent"))
        token = cookie(request, SESSION)
        asked, fault = await _asked(request, token)
        about = Resource("secret", asked.name[:64] if asked else "*")
        arguments = {"recipient": asked.recipient[:80]} if asked and asked.recipient else None
        credential = NO_CREDENTIAL if fault is not None else None
        action = f"admin.secret.{asked.verb if asked else 'set'}"
        call = call_of(request, trace, action, about, credential=credential, arguments=arguments)
        try:
            async with self._door.admission.admit(call) as passage:
                if asked is None:
                    raise fault or _NOT_OURS
                await self._take(passage, asked)
        except Exception as error:  # noqa: BLE001 - whatever failed, a person gets a page
            return self._door.refuse(request, fault if fault is not None and token else error, trace)
        gone = asked is None or asked.verb == "delete"
        return see_other(ROOT if gone else f"{ROOT}/{quote(asked.name, safe='')}", trace=trace)

    async def _take(self, passage: Passage, asked: Change) -> None:
        secrets = self._sources.secrets
        # Browsers send line breaks of a text field as CR LF, whatever was pasted.
        value = asked.value.replace("\r\n", "\n").encode()
        match asked.verb:
            case "set":
                await secrets.set(passage, asked.name, value, purpose=asked.purpose)
            case "rotate":
                await secrets.rotate(passage, asked.name, value)
            case "grant":
                await secrets.grant(passage, asked.name, asked.recipient)
            case "revoke":
                await secrets.revoke(passage, asked.name, asked.recipient)
            case "delete":
                await secrets.delete(passage, asked.name)


async def _asked(request: web.BaseRequest, token: str) -> tuple[Change | None, SallyportError | None]:
    try:
        fields = await read_form(request, most=_MOST)
        if not ours(request, fields, secret=token):
            return None, _NOT_OURS
        verb = fields.get("verb", "")
        if verb not in get_args(Verb):
            return None, InputError("The form does not say what to do.", remedy="Load the page again.")
    except SallyportError as error:
        return None, error
    given = {key: fields.get(key, "") for key in ("name", "value", "purpose", "recipient")}
    return Change(verb=cast("Verb", verb), **given), None
