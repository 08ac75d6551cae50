"""Start: fast paths for --version and --help, then the command line."""

import sys


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:] == ["--version"]:
        from app import __version__

        sys.stdout.write(f"sallyport {__version__}\n")
        return 0
    from app.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
