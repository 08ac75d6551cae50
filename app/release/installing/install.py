"""Install: the release into its folder, the links, the units, the service; each step only when it is not done yet."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from app.audit.signing.files import replace_file, sync_folder
from app.core.errors import ConflictError, ReleaseError, SallyportError
from app.release.installing.unit import SETTLE, server_unit, settle_unit
from app.release.journal import Journal
from app.release.manifest import RELEASE, Item, Manifest, Schema
from app.release.medium import digest_of
from app.release.place import PROGRAM, Place, check_prefix
from app.release.programs import Installed, unpack_and_check
from app.release.service import Systemd
from app.release.staging import place_release, seal_release, stage
from app.release.trust import Believed

Step = tuple[str, Callable[[], object]]
"""What will be done, for people, and what does it."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the release comes from: this very file, or a medium that was verified."""

    version: str
    sha256: str
    take: Callable[[Place], str]
    """Bring it into the place; the name of its folder."""
    folder: str


def own_file(path: Path, *, version: str, schemas: int) -> Source:
    """The file that runs, which nothing here can vouch for: whoever carried it here compared its digest."""
    size, sha256 = digest_of(path)
    manifest = Manifest(
        name="own",
        kind=RELEASE,
        version=version,
        number=0,
        files=(Item(path=PROGRAM, bytes=size, sha256=sha256),),
        program=PROGRAM,
        schema=Schema(first=1, last=schemas),
    )

    def take(place: Place) -> str:
        return _copy_own(place, path, manifest)

    return Source(version=version, sha256=sha256, take=take, folder=manifest.folder)


def _copy_own(place: Place, path: Path, manifest: Manifest) -> str:
    folder = place.releases / manifest.folder
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o755)
    try:
        with path.open("rb") as source, (folder / PROGRAM).open("xb") as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
            os.fchmod(target.fileno(), 0o755)
            target.flush()
            os.fsync(target.fileno())
        sync_folder(folder)
        unpack_and_check(place, manifest.folder)
        seal_release(place, manifest.folder, manifest, "")
    except (OSError, SallyportError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return manifest.folder


def from_medium(medium_stage: Callable[[Place], Path], believed: Believed) -> Source:
    """The release of a verified medium."""
    manifest = believed.verified.manifest
    if manifest.schema is None:
        raise ReleaseError("The medium holds no release.")

    def take(place: Place) -> str:
        folder = place_release(place, medium_stage(place), believed)
        place.see(manifest.number, believed.verified.sha256)
        return folder

    return Source(
        version=manifest.version,
        sha256=manifest.item.sha256,
        take=take,
        folder=manifest.folder,
    )


def steps(
    prefix: Path, source: Source, site: Installed, journal: Journal, *, units: Path | None, link: Path | None
) -> Iterator[Step]:
    """What is still to be done; ConflictError when something else is installed there."""
    check_prefix(prefix)
    place = Place(prefix)
    current = place.linked("current")
    if current and place.release(current).sha256 != source.sha256:
        raise ConflictError(
            f"{prefix} holds release {current} already.",
            remedy="Bring the new one in by `sallyport update apply`, or uninstall first.",
        )
    yield from _files(place, source, site, current, link)
    if units is not None:
        yield from _service(prefix, site, units)
    if not current:
        yield "note it in the journal", lambda: journal.write("installed", release=source.version)


def _files(place: Place, source: Source, site: Installed, current: str, link: Path | None) -> Iterator[Step]:
    if not current:
        yield f"make {place.root}, to be changed by its owner only", place.prepare
        yield (
            f"copy the file to {place.releases / source.folder} and unpack it there",
            lambda: source.take(place),
        )
        yield f"let {place.root}/current lead to it", lambda: place.link("current", source.folder)
    for path, target in ((place.root / "bin" / PROGRAM, Path("../current") / PROGRAM), (link, None)):
        if path is not None and not path.is_symlink():
            leads = target or place.root / "bin" / PROGRAM
            yield f"link {path} to {leads}", lambda path=path, leads=leads: _link(path, leads)
    path = place.state / "install.json"
    if not path.exists() or place.load(path, Installed) != site:
        yield f"write {path}", lambda: place.save(path, site)


def _link(path: Path, leads: Path) -> None:
    if path.exists():
        raise ConflictError(f"{path} is there and is not ours.", remedy="Move it away, or leave --link out.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(leads)
    sync_folder(path.parent)


def _service(prefix: Path, site: Installed, units: Path) -> Iterator[Step]:
    if site.scope == "system":
        yield from _account(site)
    texts = {units / site.unit: server_unit(prefix, site), units / SETTLE: settle_unit(prefix)}
    changed = {path: text for path, text in texts.items() if not path.exists() or path.read_text() != text}
    for path, text in changed.items():
        yield f"write {path}", lambda path=path, text=text: _write(path, text)
    systemd = Systemd(site.unit, user=site.scope == "user")
    if changed:
        yield "let systemd read its units again", systemd.reload
        yield f"start {site.unit} with the host", systemd.enable


def _account(site: Installed) -> Iterator[Step]:
    try:
        pwd.getpwnam(site.user)
    except KeyError:
        yield f"make the system user {site.user}", lambda: _add_user(site)
    data = Path(site.data)
    if data.parent != Path("/var/lib") and not data.exists():
        yield f"make {data} for {site.user}", lambda: _make_data(data, site.user)


def _add_user(site: Installed) -> None:
    words = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", site.data]
    try:
        subprocess.run([*words, "--shell", "/usr/sbin/nologin", site.user], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ReleaseError(
            f"The user {site.user} cannot be made ({error}).",
            remedy="Make it yourself, or name one by --user.",
        ) from None


def _make_data(data: Path, user: str) -> None:
    entry = pwd.getpwnam(user)
    data.mkdir(mode=0o711, parents=True)
    os.chown(data, entry.pw_uid, entry.pw_gid)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text.encode())


__all__ = ["Source", "Step", "from_medium", "own_file", "stage", "steps"]
