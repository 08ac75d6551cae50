"""What tool servers offer: what waits for a person, the difference, and the form that approves or rejects."""

from typing import Any, cast, get_args
from urllib.parse import quote

import msgspec
from aiohttp import web

from app.catalog import Kind
from app.catalog.review import APPROVE, REJECT, resource
from app.console.browser import SESSION, cookie, ours, read_form
from app.console.door import Door, View, Visit, call_of, see_other
from app.console.sources import Sources
from app.core.call import NO_CREDENTIAL
from app.core.errors import InputError, NotFoundError, SallyportError
from app.core.ids import continue_trace
from app.core.passage import Passage
from app.extensions import Params, Route

_ROOT = "/console/definitions"
_MOST = 1000
_NOT_OURS = InputError(
    "This form did not come from a page of this console, or it is too old.",
    remedy="Load the page again, and keep cookies for this site on.",
    status=403,
)
Key = tuple[str, Kind, str]


class Judgment(msgspec.Struct, frozen=True, kw_only=True):
    """What the form asks for: a verdict on exactly the digest that its page showed."""

    key: Key
    digest: str
    approve: bool


def views(sources: Sources) -> list[View]:
    """`/console/definitions` and one page a definition."""

    async def definitions(visit: Visit) -> dict[str, Any]:
        lines = await sources.review.overview()
        waiting = [line for line in lines if line.state in ("new", "changed")]
        return {
            "waiting": waiting[:_MOST],
            "others": [line for line in lines if line.state not in ("new", "changed")][:_MOST],
            "path_of": lambda line: path_of((line.server, line.kind, line.name)),
        }

    async def definition(visit: Visit) -> dict[str, Any]:
        key = _key(visit.params["kind"], visit.params["server"], visit.params.get("name", ""))
        shown = await sources.review.show(key)
        return {"shown": shown, "lines": shown.diff.splitlines()}

    return [
        View(name="definitions", path=_ROOT, read=definitions),
        View(name="definition", path=f"{_ROOT}/{{kind}}/{{server}}", read=definition),
        View(name="definition", path=f"{_ROOT}/{{kind}}/{{server}}/{{name}}", read=definition),
    ]


def path_of(key: Key) -> str:
    """The page of a definition."""
    server, kind, name = key
    path = f"{_ROOT}/{kind}/{quote(server, safe='')}"
    return f"{path}/{quote(name, safe='')}" if name else path


class Judging:
    """The form: each verdict is an administrative call with the definition as its resource."""

    def __init__(self, *, door: Door, sources: Sources) -> None:
        self._door = door
        self._sources = sources

    def routes(self) -> list[Route]:
        """Where the form is sent."""
        return [Route(method="POST", path=_ROOT, endpoint=self.judge)]

    async def judge(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """Approve or reject, then go back to the list; a form of another site is recorded and does nothing."""
        trace = continue_trace(request.headers.get("traceparent"))
        token = cookie(request, SESSION)
        asked, fault = await _asked(request, token)
        about = resource(asked.key) if asked else resource(("*", "server", ""))
        action = REJECT if asked and not asked.approve else APPROVE
        arguments = {"digest": asked.digest} if asked else None
        credential = NO_CREDENTIAL if fault is not None else None
        call = call_of(request, trace, action, about, credential=credential, arguments=arguments)
        try:
            async with self._door.admission.admit(call) as passage:
                if asked is None:
                    raise fault or _NOT_OURS
                await self._take(passage, asked)
        except Exception as error:  # noqa: BLE001 - whatever failed, a person gets a page
            return self._door.refuse(request, fault if fault is not None and token else error, trace)
        return see_other(_ROOT, trace=trace)

    async def _take(self, passage: Passage, asked: Judgment) -> None:
        review = self._sources.review
        judged = await (review.approve if asked.approve else review.reject)(passage, asked.key, asked.digest)
        await self._sources.catalog.refresh()
        passage.note(result=msgspec.to_builtins(judged))


async def _asked(request: web.BaseRequest, token: str) -> tuple[Judgment | None, SallyportError | None]:
    try:
        fields = await read_form(request)
        if not ours(request, fields, secret=token):
            return None, _NOT_OURS
        key = _key(fields.get("kind", ""), fields.get("server", ""), fields.get("name", ""))
        verdict = fields.get("verdict", "")
        if verdict not in ("approve", "reject"):
            return None, InputError(
                "The form says neither approve nor reject.", remedy="Load the page again."
            )
    except SallyportError as error:
        return None, error
    return Judgment(key=key, digest=fields.get("digest", ""), approve=verdict == "approve"), None


def _key(kind: str, server: str, name: str) -> Key:
    if kind not in get_args(Kind) or (kind == "server") != (not name):
        raise NotFoundError("There is no such definition.", remedy="Choose one from the list.")
    return server, cast("Kind", kind), name
