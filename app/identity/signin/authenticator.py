"""The front of identity: one verifier per credential type, one TokenVerifier per family of bearer tokens."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from app.core.call import BearerToken, Credential, Inherited, LocalOperator, NoCredential
from app.core.clock import Clock
from app.core.errors import DatabaseError, RecordUnavailableError
from app.core.principal import ANONYMOUS, Principal, rejected
from app.core.verdict import BAD_CREDENTIAL, TOO_MANY
from app.identity.signin.verified import Misses


class Verifies(Protocol):
    """Proves one type of credential. A bad one is a rejected principal; an exception refuses the call."""

    def cached(self, credential: Any, /) -> Principal | None:
        """Who this is, if that was proven a moment ago and nothing changed."""
        ...

    def known(self, credential: Any, /) -> bool:
        """Whether it was good when last looked up, so that a busy address does not lock it out."""
        ...

    async def verify(self, credential: Any, /) -> Principal:
        """Who this is."""
        ...


class TokenVerifier(Protocol):
    """Proves one family of bearer tokens, like Verifies does for a credential type."""

    def recognises(self, token: str) -> bool:
        """Whether the token is of this family; then nobody else is asked."""
        ...

    def cached(self, token: str) -> Principal | None:
        """Who this is, if that was proven a moment ago and nothing changed."""
        ...

    def known(self, token: str) -> bool:
        """Whether it was good when last looked up."""
        ...

    async def verify(self, token: str) -> Principal:
        """Who this is."""
        ...


class BearerTokens:
    """Hands each bearer token to the family that recognises it; a token of none is bad."""

    def __init__(self, families: Sequence[TokenVerifier]) -> None:
        self._families = tuple(families)

    def cached(self, credential: BearerToken) -> Principal | None:
        """What its family remembers."""
        family = self._family(credential.token)
        return family.cached(credential.token) if family else None

    def known(self, credential: BearerToken) -> bool:
        """What its family remembers."""
        family = self._family(credential.token)
        return family is not None and family.known(credential.token)

    async def verify(self, credential: BearerToken) -> Principal:
        """What its family finds."""
        family = self._family(credential.token)
        return await family.verify(credential.token) if family else rejected(BAD_CREDENTIAL)

    def _family(self, token: str) -> TokenVerifier | None:
        for family in self._families:
            if family.recognises(token):
                return family
        return None


class Authenticator:
    """Implements `app.admission.ports.Authenticates`."""

    def __init__(
        self, *, verifiers: Mapping[type[Any], Verifies], clock: Clock, misses_a_minute: int = 30
    ) -> None:
        self._verifiers = dict(verifiers)
        # Apart by type: a page that polls with an ended session must not keep its user from signing in.
        self._misses = {type_: Misses(clock=clock, allowed=misses_a_minute) for type_ in self._verifiers}

    async def authenticate(self, credential: Credential, *, address: str) -> Principal:
        """Who presents this; RecordUnavailableError while that cannot be looked up."""
        if isinstance(credential, NoCredential):
            return ANONYMOUS
        if isinstance(credential, Inherited):
            return credential.passage.principal
        if isinstance(credential, LocalOperator):
            return _operator(credential)
        verifier = self._verifiers.get(type(credential))
        if verifier is None:
            return rejected(BAD_CREDENTIAL)
        principal = verifier.cached(credential)
        return principal if principal is not None else await self._looked_up(verifier, credential, address)

    async def _looked_up(self, verifier: Verifies, credential: Credential, address: str) -> Principal:
        misses = self._misses[type(credential)]
        if misses.too_many(address) and not verifier.known(credential):
            return rejected(TOO_MANY)
        try:
            principal = await verifier.verify(credential)
        except DatabaseError as error:
            raise RecordUnavailableError(f"Who asks cannot be checked: {error.message}") from error
        if principal.failure and principal.failure != TOO_MANY:
            misses.add(address)
        return principal


def _operator(credential: LocalOperator) -> Principal:
    return Principal(
        id=f"uid:{credential.uid}",
        kind="operator",
        name=credential.name,
        roles=("administrator",),
        credential_kind="local",
        credential_id=f"uid:{credential.uid}",
    )
