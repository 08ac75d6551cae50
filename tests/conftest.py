"""One capability a file: see the fix_*.py beside this."""

pytest_plugins = [
    "tests.fix_database",
    "tests.fix_server",
    "tests.fix_api",
    "tests.fix_command",
    "tests.fix_browser",
]
