"""Each in an interpreter of its own: this one has imported the packages whole."""

import subprocess
import sys

from app.core.lean.shells import SHELLS


def _said(code: str) -> str:
    script = f"import sys\nfrom app.core.lean import enter\nenter()\n{code}"
    return subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


def test_names_of_the_table_are_the_packages_own() -> None:
    names = [(package, name) for package, named in SHELLS.items() for name in named]
    code = f"""
from importlib import import_module
def asked():
    return {{(package, name): getattr(import_module(package), name) for package, name in {names!r}}}
lean = asked()
for package in {list(SHELLS)!r}:
    assert not hasattr(import_module(package), "NoSuchThing")
assert "aiohttp.client" in sys.modules
print([key for key, found in asked().items() if lean[key] is not found])
"""
    assert _said(code) == "[]"


def test_a_name_that_is_not_in_the_table_makes_the_package_whole() -> None:
    code = """
import aiohttp
from aiohttp import http_parser, web
first = "aiohttp.client" in sys.modules
session = aiohttp.ClientSession
print(first, session.__module__, aiohttp.__version__ != "3", web.Application.__module__)
"""
    assert _said(code) == "False aiohttp.client True aiohttp.web_app"
