"""Where the program's own read-only files are, in a checkout and in the bundle."""

import sys
from pathlib import Path


def frozen() -> bool:
    """Whether this process runs from the bundle."""
    return bool(getattr(sys, "frozen", False))


def resources() -> Path:
    """The folder that holds `migrations/`, `assets/` and `docs/`."""
    bundled = getattr(sys, "_MEIPASS", None)
    return Path(bundled) if bundled else Path(__file__).resolve().parent.parent.parent


def postgres_home() -> Path:
    """The embedded PostgreSQL (`bin`, `lib`, `share`); it may be absent in a checkout that was not set up."""
    return resources() / "postgres" if frozen() else resources() / ".cache" / "postgres"
