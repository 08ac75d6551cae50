"""The data folder: everything a site has on disk."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.errors import ConfigError
from app.server.backup.place import finish

PROFILE = "profile.yaml"

_FIRST_PROFILE = """\
# The profile of this site. `sallyport config reference` explains every key;
# `sallyport config check` reads it without starting anything.

listen:
  address: {address}
"""


def default_folder() -> Path:
    """The service's state folder under systemd, /var/lib as root, else the user's own data folder."""
    if state := os.environ.get("STATE_DIRECTORY"):
        return Path(state.partition(":")[0])
    if os.geteuid() == 0:
        return Path("/var/lib/sallyport")
    home = os.environ.get("XDG_DATA_HOME") or (
        f"{os.environ['HOME']}/.local/share" if "HOME" in os.environ else ""
    )
    return Path(home) / "sallyport" if home else Path("sallyport-data").absolute()


def prepare(folder: Path) -> Path:
    """The folder, ready for a site: made if it is new, and with a restore that was interrupted brought to its end."""
    finish(make(folder))
    return make(folder, "keys")


def make(folder: Path, *private: str) -> Path:
    """Make the folder and private ones in it; ConfigError says why it cannot be."""
    try:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        for name in private:
            (folder / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The data folder {folder} cannot be made ({error.strerror}).",
            remedy="Give another one by --data.",
        ) from None
    return folder.resolve()


def write_first_profile(folder: Path, address: str) -> None:
    """Leave a profile to edit, once; a restart changes nothing."""
    path = folder / PROFILE
    if not path.exists():
        path.write_text(_FIRST_PROFILE.format(address=address), encoding="utf-8")


@contextmanager
def sole_server(folder: Path) -> Iterator[None]:
    """Only one server a data folder."""
    with (folder / "serve.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"Another Sallyport already serves the data folder {folder}.",
                remedy="Stop it, or choose another --data.",
            ) from None
        yield
