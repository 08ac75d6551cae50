"""The command line: one file per subject, imported when its command runs.

`sallyport --help` lists everything; each command takes `--json`; exit codes are
0 done, 1 refused or failed, 2 usage or configuration, 3 not found, 4 the site is not available.
Commands that need the site's data take `--data DIR` or `--profile FILE` (site.py).
"""

from app.cli.root import main

__all__ = ["main"]
