"""From what a token endpoint gave to a row of the vault."""

from datetime import datetime, timedelta

from app.mcp.oauth.tokens import Received
from app.secrets.signins import Grant
from app.secrets.signins.records import CLIENT, SignInRow

_MARGIN = 60.0
"""Seconds before its end at which a token is renewed, or a fifth of its life where that is less."""


def row_of(
    *,
    server: str,
    principal: str,
    grant: Grant,
    received: Received,
    scopes: tuple[str, ...],
    now: datetime,
    signed_in: datetime | None = None,
) -> SignInRow:
    """`scopes` were asked for; an endpoint that is silent gave all of them (RFC 6749 5.1)."""
    lasts = received.lasts
    return SignInRow(
        server=server,
        principal=principal,
        version=1,
        state="signed in",
        problem="",
        issuer=grant.issuer,
        client_id=grant.client.id,
        scopes=received.scopes if received.scopes is not None else scopes,
        wanted=(),
        refreshable=bool(grant.refresh) or principal == CLIENT,
        expires=now + timedelta(seconds=lasts) if lasts is not None else None,
        renew=now + timedelta(seconds=lasts - min(_MARGIN, lasts / 5)) if lasts is not None else None,
        signed_in=signed_in or now,
        changed=now,
        wrapped=b"",
        value=b"",
    )
