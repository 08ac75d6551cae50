"""A restore that nobody needs: into a scratch folder, the record verified there, everything removed again."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from app.audit.sealing.outside import Outside
from app.audit.verify import Anchors, Connections, Report, Surroundings, verify_database
from app.audit.verify import keys as verifier_keys
from app.backup.reading import BackupReader, Checked
from app.cli.audit.outside import STATEMENTS, published_at, statements_in
from app.server.backup.scratch import Dial, in_scratch


def drill(
    reader: BackupReader, checked: Checked, *, keys: Path | None, progress: Callable[[str, int, int], None]
) -> Report:
    """The verifier's report over the restored record."""
    folder = Path(tempfile.mkdtemp(prefix="sallyport-drill-"))
    folder.chmod(0o711)  # the embedded server's user passes through
    reports: list[Report] = []

    async def verify(dial: Dial) -> None:
        anchors = Anchors(keys=verifier_keys(checked.manifest.keys), witnesses=[], checkpoints=[])
        outside = Outside(folder=folder, file="", syslog="")
        around = Surroundings(
            checkpoints=list(published_at(outside)),
            statements=statements_in([folder / "record" / STATEMENTS]),
        )
        async with await dial() as ahead, await dial() as other:
            moved = lambda done, total: progress("Verifying", done, total)  # noqa: E731
            reports.append(await verify_database(Connections(ahead, other), anchors, around, moved))

    try:
        in_scratch(reader, checked, folder=folder, keys=keys, progress=progress, then=verify)
        return reports[0]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
