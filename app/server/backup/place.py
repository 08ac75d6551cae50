"""A restored data folder takes the place of what is there: the old one or the new one, never half.

Everything is made in `DATA/.restore/new`. Once `DATA/.restore/order` is on the disk, what was there moves into
`DATA/replaced-…`, then the new entries move in; whoever opens the folder after a power cut goes on with that.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from app.core import crash
from app.core.errors import ConfigError

STAGE = ".restore"
_STAYS = frozenset({STAGE, "serve.lock", "postgres.lock", "restore.lock"})
_REPLACED = "replaced-"


class Order(msgspec.Struct, frozen=True):
    """What is still to be done: `out`, then `in`; and the folder for what was there."""

    phase: str
    replaced: str


@contextmanager
def restoring(folder: Path) -> Iterator[None]:
    """Only one restore, and nobody else's database server, in a data folder."""
    with ExitStack() as stack:
        for name in ("restore.lock", "serve.lock", "postgres.lock"):
            lock = stack.enter_context((folder / name).open("ab"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"Another Sallyport uses the data folder {folder}.",
                    remedy="Stop it, or choose another --data.",
                ) from None
        yield


def new_stage(folder: Path) -> Path:
    """An empty place to make the new data folder in; what an interrupted restore left there goes."""
    stage = folder / STAGE
    shutil.rmtree(stage / "new", ignore_errors=True)
    (stage / "new").mkdir(mode=0o711, parents=True)
    stage.chmod(0o711)
    return stage / "new"


@contextmanager
def forgotten_unless_begun(folder: Path) -> Iterator[None]:
    """A restore that fails leaves nothing behind, unless a database may have been filled for it."""
    try:
        yield
    except BaseException:
        if not (folder / STAGE / "loading").exists():
            shutil.rmtree(folder / STAGE, ignore_errors=True)
        raise


def entries(folder: Path) -> list[Path]:
    """What of a site is in a data folder: nothing but empty folders is nothing."""
    return [path for path in _movable(folder) if not path.is_dir() or any(path.rglob("*"))]


def put_in_place(folder: Path, *, stamp: str) -> str:
    """Give the order and carry it out; the name of the folder with what was there, empty if nothing was."""
    replaced = f"{_REPLACED}{stamp}" if entries(folder) else ""
    for path in (folder / STAGE / "new", *_movable(folder)):
        if path.lstat().st_dev != folder.stat().st_dev:
            raise ConfigError(
                f"{path} is on another disk than {folder}, and cannot be replaced in one step.",
                remedy="Restore into an empty data folder.",
            )
    os.sync()  # all that was made in the stage, cluster and files, before anybody relies on it
    _write(folder, Order("out", replaced))
    if __debug__:
        crash.at("restore.after_order")
    _carry_out(folder)
    return replaced


def finish(folder: Path) -> None:
    """Carry out an order that a power cut interrupted; ConfigError while a restore is not at that point yet."""
    stage = folder / STAGE
    if (stage / "loading").exists() and not (stage / "order").exists():
        raise ConfigError(
            f"A restore into {folder} was interrupted, or is under way.",
            remedy="Let it end, or run the same `sallyport restore` again: it goes on from there.",
        )
    # Without an order nothing was replaced yet, and the next restore begins anew.
    if (stage / "order").exists():
        with (folder / "restore.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            complete(folder)


def complete(folder: Path) -> None:
    """The same for whoever holds the lock."""
    if (folder / STAGE / "order").exists():
        _carry_out(folder)


def _carry_out(folder: Path) -> None:
    stage = folder / STAGE
    order = msgspec.json.decode((stage / "order").read_bytes(), type=Order)
    if order.phase == "out":
        for path in _movable(folder):
            if order.replaced:
                (folder / order.replaced).mkdir(mode=0o700, exist_ok=True)
                _move(path, folder / order.replaced)
            else:
                shutil.rmtree(path)  # empty folders only, as `entries` found
        _sync(folder)
        order = Order("in", order.replaced)
        _write(folder, order)
    for path in sorted((stage / "new").iterdir()):
        _move(path, folder)
    _sync(folder)
    (stage / "order").unlink()
    shutil.rmtree(stage)


def _move(path: Path, into: Path) -> None:
    path.rename(into / path.name)
    if __debug__:
        crash.at("restore.between_moves")


def _movable(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.name not in _STAYS and not path.name.startswith(_REPLACED) and not path.is_socket()
    )


def _write(folder: Path, order: Order) -> None:
    write_durably(folder / STAGE / "order", msgspec.json.encode(order))


def write_durably(path: Path, data: bytes) -> None:
    """On the disk under its name, whole."""
    draft = path.with_name(path.name + ".new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
