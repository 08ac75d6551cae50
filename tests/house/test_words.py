"""What may not stand in the code, and what only one place may do."""

import ast
import re
import subprocess
from pathlib import Path

from tests.house.source import APP, MODULES, ROOT, nodes, text

FORBIDDEN_NAMES = re.compile(r"(Manager|Helper|Util|Utils|Handler|Orchestrator|Impl|Common)$|^Base")
HOSTS = re.compile(
    "|".join([r"pypi\." + "org", "python" + "hosted", r"registry\.npm" + "js", r"deb\.deb" + "ian"])
)


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_class_names_say_what_things_are() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.ClassDef) and FORBIDDEN_NAMES.search(node.name)
    ]
    assert found == []


def test_only_admission_builds_a_passage() -> None:
    built = [
        str(path.relative_to(APP))
        for path in MODULES
        if re.search(r"\bPassage\(", text(path)) and path.parent.name != "admission"
    ]
    assert built == []


def test_no_file_names_a_registry_host_or_an_unfinished_place() -> None:
    unfinished = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")
    found = []
    for path in tracked():
        try:
            said = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if HOSTS.search(said) or (path.suffix == ".py" and unfinished.search(said)):
            found.append(str(path.relative_to(ROOT)))
    assert found == []


def test_tests_hold_no_mocks() -> None:
    mocks = re.compile(r"mock\.pat" + r"ch|Magic" + r"Mock|monkeypatch\.set" + r"attr")
    found = [
        str(path) for path in (ROOT / "tests").rglob("*.py") if mocks.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_database_is_reached_only_from_stores_jobs_server_and_migrate() -> None:
    found = []
    for path in MODULES:
        where = path.relative_to(APP)
        if where.parts[0] in ("db", "jobs", "server") or path.name == "store.py":
            continue
        for node in nodes(path):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.startswith(("psycopg", "app.db")) for name in names):
                found.append(str(where))
    assert found == []
