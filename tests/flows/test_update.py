"""Prices and a policy arrive on signed media, count for the next request, and the record says who brought them."""

import json
import os
import sys
import urllib.request
from pathlib import Path

import pytest

from app.release.place import Place
from app.release.programs import Installed
from tests.app.release.conftest import folder, makers
from tests.fix_process import ROOT, Program, Provider
from tests.media import Makers

pytestmark = [pytest.mark.slow, pytest.mark.database]
__all__ = ["folder", "makers"]

PRICES = 'version: "site-7"\nprices:\n  simulated: {input: "1000", output: "1000"}\n'
POLICY = """\
policy: no-night-shift
rules:
  - id: models
    effect: permit
    who: {roles: [developer]}
    actions: [model.invoke]
    models: ["*"]
  - id: no-night-models
    effect: forbid
    actions: [model.invoke]
    models: [night/*]
"""


def installation(prefix: Path, program: Program) -> Place:
    """A prefix whose current release is this checkout."""
    place = Place(prefix)
    place.prepare()
    site = Installed(data=str(program.folder / "data"), profile=str(program.profile))
    place.save(place.state / "install.json", site)
    file = place.releases / "here" / "sallyport"
    file.parent.mkdir()
    file.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m app "$@"\n')
    file.chmod(0o755)
    (place.root / "current").symlink_to(file.parent)
    return place


def ask(url: str, key: str) -> None:
    body = {"model": "gpt", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def test_prices_and_policies_from_media_count_and_are_recorded(
    database: str, folder: Path, makers: Makers
) -> None:
    with Provider() as provider:
        program = Program(folder, database=database, provider=provider.url)
        key = program.key()
        place = installation(folder / "prefix", program)
        keyset = makers.write_keyset(folder / "keyset.json")
        prices = makers.bundle(folder / "prices", 7, kind="prices", files={"prices.yaml": PRICES})
        policies = makers.bundle(folder / "policies", 3, kind="policies", files={"night.yaml": POLICY})
        for medium in (prices, policies):
            done = program_update(place, "apply", str(medium), "--keyset", str(keyset))
            assert done == (0, ""), done
        with program.serving() as server:
            ask(server.url, key)
    (call,) = program.rows(
        "SELECT microdollars, input_tokens + output_tokens AS tokens FROM audit_events"
        " WHERE action = 'model.invoke' AND kind = 'outcome'"
    )
    assert call["microdollars"] == call["tokens"] * 1000
    rows = program.rows(
        "SELECT r.action, r.resource, o.status FROM audit_events r"
        " LEFT JOIN audit_events o ON o.call = r.call AND o.kind = 'outcome'"
        " WHERE r.kind IN ('intent', 'event')"
        " AND (r.resource_kind = 'release' OR r.resource = 'no-night-shift') ORDER BY r.id"
    )
    assert [(row["action"], row["resource"], row["status"]) for row in rows] == [
        ("admin.bundle.apply", "prices/7", "ok"),
        ("admin.update.record", "*", "ok"),
        ("release.bundle.applied", "2026-7", None),
        ("admin.bundle.apply", "policies/3", "ok"),
        ("admin.policy.apply", "no-night-shift", "ok"),
        ("admin.update.record", "*", "ok"),
        ("release.bundle.applied", "2026-3", None),
    ]


def program_update(place: Place, *words: str) -> tuple[int, str]:
    import subprocess

    environment = {name: value for name, value in os.environ.items() if not name.startswith("SALLYPORT_")}
    done = subprocess.run(
        [sys.executable, "-m", "app", "update", *words, "--prefix", str(place.root)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stderr
