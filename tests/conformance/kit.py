"""One run of a set of the conformance kit, as the scenarios that passed and those that did not."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import pytest
import yaml

KIT = Path(__file__).resolve().parents[2] / ".cache" / "conformance"
NODE = KIT / "node"
REVISIONS = ["2025-11-25", "2026-07-28"]
_PACKAGE = KIT / "node_modules" / "@modelcontextprotocol" / "conformance"
_PATIENCE = ("--timeout", "120000")
_LINE = re.compile(r"(?m)^([✓✗]) ([\w/-]+): (\d+) passed, (\d+) failed")
Side = Literal["server", "client"]

fetched = pytest.mark.skipif(
    not (KIT / ".lock.sha256").exists(),
    reason="the kit is not here: scripts/conformance fetches it (needs npm)",
)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Scenario to whether it passed: those that the revision requires, and the others that the kit tries."""

    scored: dict[str, bool]
    unscored: dict[str, bool]
    output: str

    @property
    def failed(self) -> list[str]:
        """Scenarios that did not pass, required or not."""
        return [name for name, passed in {**self.scored, **self.unscored}.items() if not passed]


async def server_set(url: str, revision: str) -> Run:
    """Let the kit be the client of the server at `url`."""
    return _read(
        "server", revision, await _run("server", "--url", url, "--requirements", revision, *_PATIENCE)
    )


async def server_scenarios(url: str, names: Sequence[str]) -> Run:
    """Let the kit play single scenarios, which are in no set that counts, with the server at `url`."""
    outputs = [await _run("server", "--url", url, "--scenario", name, *_PATIENCE) for name in names]
    return _judged(names, outputs)


async def client_scenarios(command: str, names: Sequence[str]) -> Run:
    """Let the kit be the server of single scenarios, which are in no set that counts."""
    outputs = [await _run("client", "--command", command, "--scenario", name, *_PATIENCE) for name in names]
    return _judged(names, outputs)


async def client_set(command: str, revision: str) -> Run:
    """Let the kit be the servers of the client that `command` starts, once for each scenario and all at once."""
    return _read(
        "client", revision, await _run("client", "--command", command, "--requirements", revision, *_PATIENCE)
    )


async def one_scenario(side: Side, *arguments: str) -> str:
    """The kit's words about one scenario, for looking into it."""
    return await _run(side, "--verbose", *arguments)


async def _run(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        str(NODE),
        str(_PACKAGE / "dist" / "index.js"),
        *arguments,
        cwd=KIT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out.decode()


def _judged(names: Sequence[str], outputs: Sequence[str]) -> Run:
    passed = {
        name: bool(re.search(r"(?m)^Passed: [1-9]\d*/\d+, 0 failed, 0 warnings", output))
        for name, output in zip(names, outputs, strict=True)
    }
    return Run(scored=passed, unscored={}, output="\n".join(outputs))


def _read(side: Side, revision: str, output: str) -> Run:
    listed = yaml.safe_load((_PACKAGE / "requirements" / f"{revision}.yaml").read_text(encoding="utf-8"))
    found = {name: mark == "✓" for mark, name, _, _ in _LINE.findall(output)}
    return Run(
        scored={name: found.pop(name, False) for name in listed[side]},
        unscored=dict(sorted(found.items())),
        output=output,
    )
