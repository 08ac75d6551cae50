"""What travels to the provider: the client's own bytes, or their translation."""

import msgspec

from app.extensions import Request
from app.gateway.ask import Ask, with_model
from app.gateway.dialects import Dialect
from app.gateway.render import forwarded
from app.gateway.translation import Translation

_OF_ALL_DIALECTS = frozenset(("accept", "content-type", "user-agent", "idempotency-key"))


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request to a provider, without its credential; `translation` leads the answer back."""

    path: str
    headers: list[tuple[str, str]]
    body: bytes
    translation: Translation | None = None


def outgoing(
    request: Request, ask: Ask, *, client: Dialect, provider: Dialect, path: str, model: str
) -> Outgoing:
    """The request for `provider` under its name of the model; InputError when it cannot be translated."""
    headers = forwarded(request.headers.items())
    if client.name == provider.name:
        body = with_model(ask.body, model) if model != ask.model else ask.body
        query = request.query
        return Outgoing(path=f"{path}?{query}" if query else path, headers=headers, body=body)
    translation = Translation(ask.members, client=client, provider=provider, model=model)
    kept = [(name, value) for name, value in headers if name in _OF_ALL_DIALECTS]
    return Outgoing(
        path=translation.path,
        headers=[*kept, *translation.sent_headers],
        body=translation.body,
        translation=translation,
    )
