"""Who a call turned out to come from."""

from typing import Literal

import msgspec

Kind = Literal["user", "service", "agent", "operator", "system", "anonymous"]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated identity, or the anonymous one with the reason why it is anonymous.

    `scopes` are action patterns that narrow what the credential may be used for; None means all.
    `operator` is a person with rights on the host's data folder, `system` is Sallyport itself.
    """

    id: str
    kind: Kind
    name: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    scopes: tuple[str, ...] | None = None
    credential_kind: str = ""
    credential_id: str = ""
    session: str = ""
    failure: str = ""
    """Reason code of a credential that was presented and is no good."""

    @property
    def anonymous(self) -> bool:
        """Whether nobody is known to be asking."""
        return self.kind == "anonymous"


ANONYMOUS = Principal(id="", kind="anonymous", name="anonymous")
SYSTEM = Principal(id="system", kind="system", name="sallyport")


def rejected(reason: str) -> Principal:
    """The anonymous principal of a credential that was refused for `reason`."""
    return Principal(id="", kind="anonymous", name="anonymous", failure=reason)
