"""The container recipe, followed by hand: its files in a root folder, its user, environment and command, no engine."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.frozen.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.frozen]
RECIPE = ROOT / "build" / "Containerfile"
KNOWN = {"ARG", "FROM", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "ENTRYPOINT", "CMD"}
Start = Callable[..., subprocess.CompletedProcess[str]]


def instructions() -> list[tuple[str, str]]:
    lines = [line for line in RECIPE.read_text().splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def last(name: str) -> Any:
    text = [rest for word, rest in instructions() if word == name][-1]
    return json.loads(text) if text.startswith("[") else text


@pytest.fixture
def contained(bundle: Path, folder: Path) -> Start:
    """Run words in the container that the recipe describes; `base` are programs of the base image."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare")
    root = folder / "root"
    for name in ("proc", "dev", "data", "tmp"):
        (root / name).mkdir(parents=True)
    for source, target in (shlex.split(rest)[-2:] for word, rest in instructions() if word == "COPY"):
        assert source == "sallyport"
        shutil.copy(bundle, root / target.lstrip("/"))
    user = last("USER").split(":")
    os.chown(root / "data", int(user[0]), int(user[1]))
    script = f"""
        mount --bind {root} {root}; mount -t proc proc {root}/proc
        for one in null urandom; do touch {root}/dev/$one; mount --bind /dev/$one {root}/dev/$one; done
        mount -t tmpfs tmpfs {root}/tmp -o mode=1777
        mount -o remount,bind,ro {root}; mount -t tmpfs tmpfs {root}/data -o uid={user[0]},gid={user[1]},mode=711
        ip link set lo up 2>/dev/null || true
        exec chroot --userspec={":".join(user)} {root} "$@"
    """

    def start(*words: str, base: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        for program in base:
            _with_libraries(Path(program), root)
            (root / "etc").mkdir(exist_ok=True)
            (root / "etc" / "passwd").write_text("nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n")
        return subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--propagation", "private", "sh", "-euc", script,
             "sh", *last("ENTRYPOINT"), *words],
            env=dict(pair.split("=", 1) for pair in shlex.split(last("ENV"))) | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip

    return start


def _with_libraries(program: Path, root: Path) -> None:
    named = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split()
    for path in (program, *(Path(word) for word in named if word.startswith("/"))):
        target = root / str(path).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def test_the_recipe_uses_only_what_is_followed_here() -> None:
    assert {word for word, _ in instructions()} <= KNOWN
    assert last("USER").split(":")[0].isdigit()
    assert last("USER") != "0:0"
    assert last("CMD")[0] == "serve"


def test_on_nothing_at_all_every_part_is_there(contained: Start) -> None:
    done = contained("selftest", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = contained("egress", "--json")
    assert json.loads(shown.stdout) == {"destinations": [], "unbound": [], "enforce": "auto"}, shown.stderr


def test_on_a_base_with_a_shell_it_serves_with_its_own_database(contained: Start) -> None:
    story = contained("demo", "--once", "--json", base=("/bin/sh",))
    assert story.returncode == 0, story.stdout + story.stderr
    assert '"permit"' in story.stdout


def test_compose_example_takes_everything_away() -> None:
    service = yaml.safe_load((ROOT / "build" / "compose.yaml").read_text())["services"]["sallyport"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "inner" in service["networks"]
