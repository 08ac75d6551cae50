"""A caller's own key of a provider, beside the key that it has here: for one request, shown to nobody, kept nowhere."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from app.admission import Admission
from app.core.call import Call, Inherited
from app.core.errors import ConfigError, DeniedError, InputError, UpstreamError
from app.core.ids import child_span
from app.core.passage import Passage
from app.extensions import Request
from app.gateway.book import Target
from app.gateway.dialects import Headers, Sent, Wire
from app.secrets import Redactor

HEADER: Final = "x-sallyport-key"
"""Who asks, when the vendor's own header carries a key for the provider."""
OURS: Final = "sp_"
"""What keys of this site begin with; they never travel on."""
SHORTEST, LONGEST = 8, 4096


class Redacts(Protocol):
    """Takes values out of what a provider answers."""

    def data(self, text: bytes) -> bytes:
        """Bytes without them."""
        ...

    def json(self, raw: bytes, *, source: str) -> bytes:
        """A JSON text without them."""
        ...


class OwnKey:
    """One key; it has no readable form but the headers for the provider."""

    __slots__ = ("_redactor", "_site", "_value")

    def __init__(self, value: str, *, site: Redacts) -> None:
        self._value = value
        self._site = site
        self._redactor = Redactor()
        self._redactor.know({"own-key": [value.encode("utf-8", "surrogateescape")]})

    def headers(self, wire: Wire, sent: Sent) -> Headers:
        """The headers that prove it to a provider; UpstreamError when it is none of this vendor's."""
        try:
            return wire.credential(self._value, sent)
        except ConfigError:
            raise UpstreamError(
                "The key that you sent is none of this provider's.", kind="own_key", status=401
            ) from None

    def data(self, text: bytes) -> bytes:
        """Bytes without it, and without what the site keeps secret."""
        return self._redactor.data(self._site.data(text))

    def decoded(self, value: dict[str, Any]) -> dict[str, Any]:
        """What may be recorded of an answer."""
        return self._redactor.decoded(value)

    def json(self, raw: bytes, *, source: str) -> bytes:
        """The same for a JSON text."""
        return self._redactor.json(self._site.json(raw, source=source), source=source)


def own_key(request: Request, *, site: Redacts) -> OwnKey | None:
    """The key for the provider, if the caller sends one beside `x-sallyport-key`; InputError where it is in doubt."""
    ours = request.headers.getall(HEADER, [])
    if not ours:
        return None
    given = {value for value in _vendor_keys(request) if value != ours[0].strip()}
    if len(ours) > 1 or len(given) > 1:
        raise _unclear("Two different keys are given at the same time.")
    if not given:
        return None
    value = given.pop()
    if value.startswith(OURS):
        raise _unclear("A key of this site is given where the provider's belongs; it is not sent on.")
    if (
        not SHORTEST <= len(value) <= LONGEST
        or not value.isascii()
        or not value.isprintable()
        or " " in value
    ):
        raise _unclear("The key for the provider is not one that a header can carry.")
    return OwnKey(value, site=site)


def require_allowed(reach: Sequence[Target]) -> InputError | None:
    """Why a caller's key may not be used for a model that these targets serve: a key is one provider's."""
    if len({target.provider for target in reach}) > 1:
        why = "This model may go to several providers, and it is not known whose your key is."
    elif not all(target.own_keys for target in reach):
        why = "This model's provider takes no keys of callers here."
    else:
        return None
    remedy = "Leave your own key out, or use another model."
    return InputError(why, remedy=remedy, code="own_key_not_allowed")


async def admit_own_key(admission: Admission, passage: Passage, provider: str) -> None:
    """A governed call of its own, so that policy and record see it: `model.own_key`; DeniedError otherwise."""
    call = Call(
        door="gateway",
        action="model.own_key",
        resource=passage.call.resource,
        trace=child_span(passage.trace),
        credential=Inherited(passage),
        arguments={"provider": provider},
        client=passage.call.client,
        address=passage.call.address,
        agent=passage.call.agent,
        session=passage.call.session,
    )
    try:
        async with admission.admit(call):
            pass
    except DeniedError as error:
        passage.note(status="refused", error=f"The use of the caller's own key was denied. {error.message}")
        raise


def _vendor_keys(request: Request) -> list[str]:
    keys = [value.strip() for value in request.headers.getall("x-api-key", [])]
    for value in request.headers.getall("Authorization", []):
        scheme, _, token = value.partition(" ")
        if scheme.lower() != "bearer":
            raise _unclear("Authorization must be `Bearer` and the key.")
        keys.append(token.strip())
    return [key for key in keys if key]


def _unclear(message: str) -> InputError:
    return InputError(
        message,
        remedy=f"Send your key of this site as {HEADER}, and one key of the provider in the vendor's own header.",
        code="own_key_unclear",
    )
