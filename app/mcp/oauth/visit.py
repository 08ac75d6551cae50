"""A sign-in without a person: for programs that can visit a URL by themselves, such as a conformance kit's client."""

from collections.abc import Awaitable, Callable

from app.core.passage import Passage
from app.secrets.signins import SignInState, SignsIn
from app.secrets.signins.returned import query_fields

Visit = Callable[[str], Awaitable[str]]
"""Takes the authorization URL; returns the address that the authorization server sent the browser back to."""


async def sign_in_by(sign_ins: SignsIn, passage: Passage, server: str, visit: Visit) -> SignInState:
    """Begin, visit, complete."""
    begun = await sign_ins.begin(passage, server, via="cli")
    return await sign_ins.complete(passage, query_fields(await visit(begun.url)))
