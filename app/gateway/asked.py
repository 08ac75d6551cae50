"""An AI request as a call: what policy, budget and record get to see of it."""

import msgspec

from app.core.call import NO_CREDENTIAL, BearerToken, Call, Credential, Resource
from app.core.ids import Trace
from app.extensions import Request
from app.gateway.ask import Ask
from app.gateway.dialects import Dialect
from app.gateway.models import Found
from app.gateway.outgoing import Outgoing

OUTPUT_TOKENS = 8192
"""What a request without max_tokens may reserve."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint of a dialect: `path` below the provider's base URL; free ones count no tokens."""

    dialect: Dialect
    path: str
    free: bool = False


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request as far as it was understood."""

    operation: Operation
    ask: Ask
    found: Found | None
    sent: Outgoing | None

    def reserve(self) -> int:
        """Microdollars that the call may cost at most, wherever it comes to."""
        if self.found is None or self.operation.free:
            return 0
        tokens, size = self.ask.max_tokens or OUTPUT_TOKENS, len(self.ask.body)
        return max(target.price.ceiling(body_bytes=size, output_tokens=tokens) for target in self.found.reach)

    def details(self) -> dict[str, object]:
        """What the record keeps beside the arguments."""
        ask = self.ask
        details: dict[str, object] = {
            "dialect": self.operation.dialect.name,
            "operation": self.operation.path,
        }
        if not ask.body:
            return details
        details |= {"sha256": ask.sha256, "bytes": len(ask.body), "stream": ask.stream}
        if ask.max_tokens is not None:
            details["max_tokens"] = ask.max_tokens
        if ask.tools:
            details["tools"] = list(ask.tools)
        only = self.found.only if self.found is not None else None
        if only is not None:
            details |= {
                "provider": only.provider,
                "upstream_model": only.named(ask.model).upstream_model,
                "prices": only.price_version,
            }
        return details | self._translated()

    def _translated(self) -> dict[str, object]:
        translation = self.sent.translation if self.sent is not None else None
        if translation is None:
            return {}
        left = {"left_out": list(translation.left)} if translation.left else {}
        return {"translated": translation.provider.name, **left}


def asked_call(request: Request, trace: Trace, asked: Asked) -> Call:
    """The call to admit."""
    headers = request.headers
    return Call(
        door="gateway",
        action="model.invoke",
        resource=Resource("model", asked.ask.model),
        trace=trace,
        credential=credential(request),
        arguments=asked.ask.members,
        details=asked.details(),
        client=headers.get("User-Agent", "")[:256],
        address=request.remote or "",
        agent=headers.get("x-claude-code-agent-id", "")[:256],
        session=headers.get("x-claude-code-session-id", "")[:256],
        reserve=asked.reserve(),
    )


def credential(request: Request) -> Credential:
    """What the client presents: a bearer token, or the same as x-api-key."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return BearerToken(token.strip())
    key = request.headers.get("x-api-key", "").strip()
    return BearerToken(key) if key else NO_CREDENTIAL
