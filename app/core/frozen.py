"""What only the bundle needs: undo the launcher's environment, and spend less while starting."""

import gc
import sys
from collections.abc import MutableMapping
from pathlib import Path

CONFINED = "--confined"
"""The first word of a command line that is not for people: it becomes a confined program (`app.confined`)."""
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


def own_command() -> list[str]:
    """The command that starts this program again, for children whose environment is not ours.

    In the bundle that is the unpacked program and not the one file: a launcher without our environment might
    choose another folder, and unpack there once more.
    """
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "app"]


def own_files_are_there() -> bool:
    """Whether the program still lies where it was started from: a cleaner may have emptied the folder."""
    return not getattr(sys, "frozen", False) or Path(sys.executable).exists()


def hurry(*, serving: bool = False) -> None:
    """While starting almost nothing is garbage: let the collector look less often, and not at all before `settle`.

    A command that never settles must not be `serving`: it would keep its garbage.
    """
    gc.set_threshold(50_000, 20, 50)
    if serving:
        gc.disable()


def settle() -> None:
    """Once ready: move all that start-up made, and that will never be garbage, out of the collector's sight.

    What little of it is garbage stays: to find it takes 30 ms, in which nobody would be answered.
    """
    gc.freeze()
    gc.enable()
