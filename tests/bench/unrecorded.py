"""Our server with a record that forgets: what recording costs is the difference. For measuring only.

Nothing in the product can do this; the record is exchanged here, in the wired object, after the site is open.
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from app.audit.event import Event
from app.config import load
from app.core.frozen import hurry, settle
from app.server.host.running import Running
from app.server.process import run_guarded
from app.server.serve import serve_until_stopped


class Forgetful:
    """A record that says it has written.

    It yields once, as every real one does: measured, that lets concurrent requests move in step, and the server
    answers a third more of them. Without it recording would seem to cost less than nothing.
    """

    def require(self) -> None:
        """It is always there."""

    async def write(self, event: Event, contents: Sequence[tuple[str, bytes]] = ()) -> None:
        """Nothing, a moment later."""
        await asyncio.sleep(0)

    def post(self, event: Event, contents: Sequence[tuple[str, bytes]] = ()) -> None:
        """Nothing."""


def main() -> None:
    """Take the same options as `serve`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--plain-http", action="store_true", required=True)
    given = parser.parse_args()
    hurry()
    profile = load(
        given.data / "profile.yaml", flags={"listen.address": given.address, "listen.plain_http": "loopback"}
    )

    def forget(server: Running) -> None:
        server.site.admission.records = Forgetful()
        settle()

    run_guarded(
        profile,
        lambda connector: serve_until_stopped(
            profile, folder=given.data, connector=connector, announce=forget
        ),
        fast=True,
    )


if __name__ == "__main__":
    main()
