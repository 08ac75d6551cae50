"""Uninstall: the service, the links and the prefix; the site's data only when its folder is named once more."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from app.core.errors import ConflictError
from app.release.installing.install import Step
from app.release.installing.unit import SETTLE
from app.release.place import Place
from app.release.programs import Installed
from app.release.service import Systemd, is_served


def removal(
    place: Place, site: Installed, *, units: Path | None, links: list[Path], purge: bool
) -> Iterator[Step]:
    """What will be taken away, in order: nothing serves before anything is removed."""
    if units is not None and site.unit:
        systemd = Systemd(site.unit, user=site.scope == "user")
        yield f"stop {site.unit} for good", systemd.disable
        for path in (units / site.unit, units / SETTLE):
            if path.exists():
                yield f"remove {path}", path.unlink
        yield "let systemd read its units again", systemd.reload
    yield "see that nothing serves from there", lambda: _require_stopped(site)
    for link in links:
        if link.is_symlink() and Path(link.readlink()) == place.root / "bin" / "sallyport":
            yield f"remove {link}", link.unlink
    yield f"remove {place.root}", lambda: shutil.rmtree(place.root)
    if purge and Path(site.data).exists():
        yield f"REMOVE THE SITE'S DATA, RECORD AND KEYS: {site.data}", lambda: shutil.rmtree(site.data)


def _require_stopped(site: Installed) -> None:
    if is_served(Path(site.data)):
        raise ConflictError(f"A server runs on {site.data}.", remedy="Stop it, then uninstall again.")
