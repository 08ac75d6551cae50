"""What only the bundle needs: undo the launcher's environment, and spend less while starting."""

import gc
import os
import sys
from collections.abc import MutableMapping

LAUNCHER_SETTINGS = ("LD_LIBRARY_PATH", "LD_PRELOAD")


def restore_environment(environment: MutableMapping[str, str]) -> None:
    """Give children the environment of before the launcher.

    The bundle's own glibc stands in LD_LIBRARY_PATH: a /bin/sh that inherits it dies of the host's loader. The
    loader of this process read it at exec, so taking it away changes nothing here.
    """
    for name in LAUNCHER_SETTINGS:
        original = environment.pop(f"{name}_ORIG", None)
        environment.pop(name, None)
        if original is not None:
            environment[name] = original
    for name in [name for name in environment if name.startswith("_PYI_")]:
        del environment[name]


def own_command(environment: MutableMapping[str, str] | None = None) -> list[str]:
    """The command that starts this program again: the one file, or Python with this package."""
    if not getattr(sys, "frozen", False):
        return [sys.executable, "-m", "app"]
    file = (os.environ if environment is None else environment).get("SALLYPORT_FILE", "")
    return [file] if os.path.exists(file) else [sys.executable]  # noqa: PTH110 - pathlib is late on the way


def hurry() -> None:
    """While starting almost nothing is garbage: let the collector look less often."""
    gc.set_threshold(50_000, 20, 50)


def settle() -> None:
    """Once ready: move all that start-up made, and that will never be garbage, out of the collector's sight."""
    gc.collect()
    gc.freeze()
