"""`/api/v1/backups`: how the site stands with its backups, and one more of them."""

import asyncio

from app.api.operation import Asked, Operation
from app.backup.kept import Backups, BackupStanding, WrittenBackup

__all__ = ["operations"]


def operations(backups: Backups) -> list[Operation]:
    """The table of this subject."""

    async def show(asked: Asked) -> BackupStanding:
        # The folder may be a mount that is slow, or gone.
        return await asyncio.to_thread(backups.standing)

    async def write(asked: Asked) -> WrittenBackup:
        return await backups.write(asked.passage)

    return [
        Operation(
            id="showBackups", method="GET", path="/api/v1/backups",
            summary="Show the backups that are kept and the next one",
            action="admin.backup.list", kind="site", about="backup", run=show, answer=BackupStanding,
        ),
        Operation(
            id="writeBackup", method="POST", path="/api/v1/backups", summary="Write a backup into the profile's folder",
            action="admin.backup", kind="site", about="backup", run=write, answer=WrittenBackup, status=201,
        ),
    ]  # fmt: skip
