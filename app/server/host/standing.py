"""How a site stands on its host: clock, keys that others could read, certificate, whether it serves."""

import ctypes
import fcntl
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from app.config import Profile
from app.server.checks import Finding

_TIME_ERROR = 5
"""What adjtimex(2) returns while nobody keeps the clock right."""
_TIMEX_BYTES = 512
_AHEAD = timedelta(minutes=1)
_SOON = timedelta(days=14)


def clock_findings(folder: Path, *, now: datetime) -> Iterator[Finding]:
    """Whether somebody keeps the clock right, and whether it went back behind what was signed already."""
    kept = _synchronised()
    yield Finding(
        check="clock",
        state="ok" if kept else "warn",
        found=f"{now.isoformat(timespec='seconds')}{'' if kept else ', and nothing keeps it right'}",
        remedy="" if kept else "Let chrony or systemd-timesyncd follow a time source of the site.",
    )
    head = folder / "record" / "head"
    if head.exists() and head.stat().st_mtime > (now + _AHEAD).timestamp():
        yield Finding(
            check="clock",
            state="fail",
            found="it is behind the newest signed head of the record",
            remedy="Set the clock; rows would be dated before those that are there.",
        )


def _synchronised() -> bool:
    """As the kernel was told; True where it cannot be asked, such as in some containers."""
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)  # zero: nothing is set, only read
    try:
        return ctypes.CDLL(None).adjtimex(buffer) != _TIME_ERROR
    except (AttributeError, OSError):
        return True


def permission_findings(folder: Path) -> Iterator[Finding]:
    """Files of keys that somebody else could read, and a data folder that somebody else could write."""
    if not folder.exists():
        return
    files = [path for path in sorted((folder / "keys").rglob("*")) if path.is_file()]
    # Statements are no secret, and older releases wrote them for everybody.
    wrong = [path for path in files if path.name != "statements" and _open_to_others(path)]
    wrong += [path for path in [*(folder / "tls").glob("*.key")] if _open_to_others(path)]
    yield Finding(
        check="keys",
        state="fail" if wrong else "ok",
        found=f"{wrong[0]} can be read by others" if wrong else "readable by Sallyport's user only",
        remedy=f"chmod 600 {wrong[0]}; if others may have read it, change the key." if wrong else "",
    )
    if folder.stat().st_mode & 0o022:
        yield Finding(
            check="data folder",
            state="fail",
            found=f"{folder} can be written by others",
            remedy=f"chmod go-w {folder}",
        )


def _open_to_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


def certificate_finding(profile: Profile, folder: Path, *, now: datetime) -> Finding | None:
    """How long the server certificate still holds; None where there is none."""
    given = profile.listen.tls.certificate
    path = Path(given) if given else folder / "tls" / "server.pem"
    if not given and not path.exists():
        return None
    from cryptography import x509  # noqa: PLC0415 - 10 ms of a start, and used by `doctor` and the console only

    try:
        left = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc - now
    except (OSError, ValueError) as error:
        return Finding(
            check="certificate", state="fail", found=f"{path}: {error}", remedy="Put a PEM certificate there."
        )
    renews = "" if given else "; renewed by itself"
    state = "fail" if left < timedelta() and given else "warn" if left < _SOON and given else "ok"
    return Finding(
        check="certificate",
        state=state,
        found=f"{path}: expired" if left < timedelta() else f"{path}: {left.days} days left{renews}",
        remedy="" if state == "ok" else "Put a new one in its place: it is read again without a restart.",
    )


def serves(folder: Path) -> bool:
    """Whether a server runs on this data folder."""
    try:
        with (folder / "serve.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def writable(folder: Path) -> bool:
    """Whether this user may make files there."""
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
