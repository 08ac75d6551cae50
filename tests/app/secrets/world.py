"""The room on a real database, for one or more nodes, without a server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from app.core.call import Call, Resource
from app.core.clock import SystemClock
from app.core.ids import new_trace
from app.core.passage import Passage
from app.core.principal import Principal
from app.core.verdict import Decision
from app.db import open_pool
from app.extensions import MasterKeySource
from app.secrets import Keyring, Redactor, Secrets
from app.secrets.keys import FileSource

VALUE = b"the-first-value-of-it"
NEXT = b"the-second-value-of-it"
ADMIN = Principal(id="user-ada", kind="user", name="ada")
_PERMIT = Decision(effect="permit", reason="permitted_by_rule", message="")


def passage(verb: str, name: str = "token") -> Passage:
    """An admitted call for one change."""

    async def settle(_: Passage) -> None:
        return None

    call = Call(
        door="test", action=f"admin.secret.{verb}", resource=Resource("secret", name), trace=new_trace()
    )
    return Passage(
        id=uuid4(),
        call=call,
        principal=ADMIN,
        decision=_PERMIT,
        started=0.0,
        gates=(settle, lambda *_: True),
    )


@asynccontextmanager
async def node(
    database: str, folder: Path, *, source: MasterKeySource | None = None, source_name: str = "file"
) -> AsyncIterator[Secrets]:
    """One node's room; its master key is in `folder`."""
    keys = source or FileSource(folder / "keys" / "master.key")
    async with open_pool(database, size=2, timeout=5) as pool:
        yield Secrets(
            pool=pool,
            clock=SystemClock(),
            keyring=Keyring(keys, source_name=source_name),
            redactor=Redactor(),
            declared=lambda: {"token": ("server:files",)},
        )


def given(secrets: Secrets, name: str = "token", recipient: str = "server:files") -> bytes:
    """What the broker would give."""
    return secrets.broker.injection(recipient, {"fd:TOKEN": name}).descriptors["TOKEN"]
