"""Start: undo the launcher's environment, answer --version at once, become a confined program, or the command line."""

import os
import sys

from app.core.frozen import CONFINED, hurry, restore_environment
from app.core.lean import enter


def main() -> int:
    """Run the command line and return its exit code."""
    if getattr(sys, "frozen", False):
        restore_environment(os.environ)
    if sys.argv[1:] == ["--version"]:
        from app import __version__

        sys.stdout.write(f"sallyport {__version__}\n")
        return 0
    if sys.argv[1:2] == [CONFINED]:
        from app.confined.stub import main as confine

        return confine(sys.argv[2:])
    enter()
    hurry(serving=sys.argv[1:2] in (["serve"], ["demo"], ["witness"]))
    from app.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
