"""What this host offers, found out by confining a program that does nothing."""

import asyncio
import os
import tempfile
from pathlib import Path

from app.core.errors import UpstreamError
from app.egress.sandbox.confinement import Confinement, own_user
from app.egress.sandbox.level import Level
from app.egress.sandbox.program import Program
from app.egress.sandbox.spawn import spawn


async def probe() -> Level:
    """The level that a program without grants reaches here; every measure off when none can be started."""
    with tempfile.TemporaryDirectory(prefix="sallyport-probe-") as folder:
        try:
            child = await spawn(_nothing(Path(folder)))
        except UpstreamError as error:
            return Level(off={"processes": error.message})
        await child.end()
        return child.level


def _nothing(folder: Path) -> Program:
    """A program that does nothing, in a folder that all may pass through."""
    folder.chmod(0o711)
    user = own_user(folder, "probe") if os.geteuid() == 0 else -1
    home = folder.resolve() / "home"
    confinement = Confinement(user=user, group=user, hide=str(folder.resolve()))
    environment = {"PATH": "/usr/bin:/bin"}
    return Program(
        command=("true",), environment=environment, folder=home, home=home, confinement=confinement
    )


def offered() -> Level:
    """The same for callers without a loop."""
    return asyncio.run(probe())
