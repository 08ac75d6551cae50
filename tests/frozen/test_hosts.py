"""Hosts that are short of something, and what else may run on them. Nothing here touches the host's own folders."""

import hashlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app import __version__
from tests.frozen.conftest import ROOT, Run
from tests.frozen.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.frozen]
HERE = f"sallyport {__version__}\n"
Apart = Callable[[str], subprocess.CompletedProcess[str]]
FOOTER, OFFSET_AT, DIGEST_AT = 512, 24, 144  # build/launcher/bundle.h
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")


def test_story_runs_as_nobody_with_hidden_processes_full_temporary_folders_and_few_open_files(
    apart: Apart,
) -> None:
    result = apart("""
        mkdir /var/lib/site && chown 65534 /var/lib/site
        cp $file /var/lib/x
        mount -t proc -o hidepid=2 proc /proc
        for place in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o size=4m,mode=1777 tmpfs "$place"; done
        as_nobody sh -c 'ulimit -n 128; exec /var/lib/x demo --once --json --data /var/lib/site'
    """)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('"trace_id"') == 3


def test_story_runs_where_there_are_no_namespaces(bundle: Path, folder: Path) -> None:
    shutil.copy(bundle, folder / "sallyport")
    (folder / "own").mkdir()
    os.chown(folder / "own", 65534, 65534)
    command = [folder / "sallyport", "demo", "--once", "--json", "--data", folder / "own" / "site"]
    result = _forbidding("user=65534", "namespaces", command=command, runtime=folder / "own" / "rt")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('"trace_id"') == 3


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (  # 60 MB of addresses: enough for the file, too little for what is in it
            "as_nobody sh -c 'ulimit -v 60000; exec /var/lib/x version'",
            "not enough memory",
        ),
        (
            "mkdir /tmp/bare && cp $file /tmp/bare/ && chroot /tmp/bare /sallyport version",
            "Mount /proc",
        ),
        (
            "as_nobody /var/lib/x serve --data /proc/here --plain-http",
            "Give another one by --data",
        ),
        (
            "as_nobody /var/lib/x serve --data /var/lib/theirs --plain-http",
            "Give another one by --data",
        ),
        (
            "mkdir /var/lib/site && chown 65534 /var/lib/site;"
            " as_nobody prlimit --nproc=1 /var/lib/x serve --data /var/lib/site --plain-http",
            "no more processes or threads",
        ),
        (
            "mkdir /var/lib/site && mount -t tmpfs -o size=8m,uid=65534,mode=755 tmpfs /var/lib/site;"
            " as_nobody /var/lib/x serve --data /var/lib/site --plain-http",
            "space",
        ),
    ],
    ids=["memory", "proc", "no folder", "foreign folder", "processes", "full data folder"],
)
def test_start_that_cannot_work_says_why(apart: Apart, script: str, said: str) -> None:
    result = apart(f"cp $file /var/lib/x; {script}")
    assert result.returncode != 0
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_policy_that_forbids_unpacked_programs_is_named(bundle: Path, folder: Path) -> None:
    """As fapolicyd and SELinux do: the file itself may run, what it writes may not."""
    if any(ROOT.is_relative_to(place) or Path(sys.executable).is_relative_to(place) for place in TEMPORARY):
        pytest.skip("the checkout lies in a temporary folder, which this test hides")
    copy = Path(shutil.copy(bundle, folder / "sallyport"))
    programs = ":".join(path for path in ("/usr", "/bin", "/lib", "/lib64") if Path(path).exists())
    result = _forbidding(
        "user=65534", "namespaces", f"programs={programs}:/mnt/sallyport", command=["/mnt/sallyport", "version"],
        runtime=None, before=_hidden(copy),
    )  # fmt: skip
    assert result.returncode == 1
    assert (
        "/var/tmp/sallyport-rt-65534: a security policy of this host lets no program run from there"
        in result.stderr
    )
    assert "trust" in result.stderr


@pytest.mark.parametrize("release", ["bullseye", "trixie"])
def test_story_runs_on_other_releases_whatever_their_libc(bundle: Path, folder: Path, release: str) -> None:
    """In a root of that Debian, made by `setup_hosts` of scripts/lib.sh, which nothing is written into."""
    root = ROOT / ".cache" / "hosts" / release
    root = root if release != "trixie" else ROOT / ".cache" / "trixie"
    if os.geteuid() != 0 or not (root / "bin" / "sh").exists():
        pytest.skip(f"needs root and a Debian {release} in .cache (scripts/test makes it)")
    script = """
        mount --bind -o ro "$1" "$1"
        mount -t proc proc "$1/proc" && mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
        mount -t tmpfs tmpfs "$1/dev" && mknod -m 666 "$1/dev/null" c 1 3 && mknod -m 666 "$1/dev/urandom" c 1 9
        cp "$2" "$1/tmp/sallyport"
        ! touch "$1/here" 2>/dev/null
        chroot "$1" env -i PATH=/usr/bin:/bin SALLYPORT_RUNTIME_DIR=/tmp/rt \
            /tmp/sallyport demo --once --json --data /tmp/site
    """
    result = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "sh", root, bundle],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('"trace_id"') == 3


def test_data_folder_is_served_once_and_other_folders_beside_it(
    bundle: Path, folder: Path, environment: dict[str, str], run: Run
) -> None:
    (folder / "b").mkdir()
    with (
        serving(bundle, folder / "data", environment) as one,
        serving(bundle, folder / "b" / "data", environment) as two,
    ):
        second = run("serve", "--data", str(one.data), "--address", "127.0.0.1:0", "--plain-http")
        assert second.returncode == 2
        assert f"already serves the data folder {one.data}" in second.stderr
        assert "--data" in second.stderr
        assert one.answer("/readyz")[0] == two.answer("/readyz")[0] == 200


def test_killed_server_leaves_no_process_and_no_litter(
    bundle: Path, folder: Path, environment: dict[str, str]
) -> None:
    with serving(bundle, folder / "data", environment) as site:
        before = set(Path(environment["SALLYPORT_RUNTIME_DIR"]).iterdir())
        site.process.send_signal(signal.SIGKILL)
        site.process.wait()
        _until(lambda: not _processes_of(site.data), "its PostgreSQL ends")
    assert set(Path(environment["SALLYPORT_RUNTIME_DIR"]).iterdir()) == before


def test_other_version_runs_beside_a_server_and_takes_nothing_from_it(bundle: Path, folder: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "SALLYPORT_RUNTIME_DIR": str(folder / "rt")}
    with serving(bundle, folder / "data", environment) as site:
        (mine,) = (folder / "rt").iterdir()
        for number in range(3):
            other = _other_version(bundle, folder / f"other-{number}", filler=number + 1)
            done = subprocess.run(
                [other, "version"], env=environment, capture_output=True, text=True, check=True
            )
            assert done.stdout == HERE
        assert mine in (folder / "rt").iterdir()
        assert len(list((folder / "rt").iterdir())) == 3, "mine, the newest and the one before it"
        assert site.answer("/readyz")[0] == 200


def test_server_whose_files_a_cleaner_took_ends_in_order_and_starts_again(bundle: Path, folder: Path) -> None:
    """A cleaner that respects locks leaves them alone; this one does not."""
    environment = {"PATH": "/usr/bin:/bin", "SALLYPORT_RUNTIME_DIR": str(folder / "rt")}
    with serving(bundle, folder / "data", environment) as site:
        (tree,) = (folder / "rt").iterdir()
        shutil.rmtree(tree)
        assert site.process.wait(timeout=60) == 1
    said = (folder / "server.log").read_text()
    assert "Somebody emptied the folder that Sallyport runs from" in said
    assert not _processes_of(folder / "data")
    with serving(bundle, folder / "data", environment) as site:
        assert site.answer("/readyz")[0] == 200


def test_full_disk_refuses_calls_and_space_lets_them_pass_again(apart: Apart) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    result = apart("""
        mkdir /var/lib/site && mount -t tmpfs -o size=160m,mode=755 tmpfs /var/lib/site
        env -i PATH=/usr/bin:/bin $file serve --data /var/lib/site --address 127.0.0.1:0 --plain-http >/tmp/log 2>&1 &
        server=$!
        wait_for() {
            for try in $(seq 600); do "$@" && return; sleep 0.1; done
            echo "never: $*"; cat /tmp/log; exit 1
        }
        wait_for grep -q 'serves http' /tmp/log
        url=$(grep -o 'http://[^ ]*' /tmp/log | head -n 1)
        ask() { curl -s -o /dev/null -w '%{http_code}' --max-time 20 "$url$1" || true; }
        answers() { test "$(ask "$1")" = "$2"; }
        wait_for answers /readyz 200
        ask /v1/models; echo
        dd if=/dev/zero of=/var/lib/site/filler bs=64k status=none 2>/dev/null || true
        for try in $(seq 2000); do
            code=$(ask /v1/models)
            test "$code" = 503 && break
            dd if=/dev/zero of=/var/lib/site/filler-$try bs=4k count=1000 status=none 2>/dev/null || true
        done
        echo "$code"
        rm /var/lib/site/filler*
        wait_for answers /readyz 200
        wait_for answers /v1/models 401
        kill $server; wait $server; echo "ended $?"
    """)
    assert result.stdout == "401\n503\nended 0\n", result.stderr


# ---- how ----------------------------------------------------------------------------------------------------


def _forbidding(
    *what: str, command: Sequence[object], runtime: Path | None, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    given = [f"SALLYPORT_RUNTIME_DIR={runtime}"] if runtime else []
    inner = ["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", *given, *command]
    return subprocess.run(
        [*before, sys.executable, "-m", "tests.frozen.forbidding", *what, "--", *inner],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip


def _hidden(copy: Path) -> tuple[str, ...]:
    """A command that runs another with fresh temporary folders, and the file in /mnt."""
    script = """
        mount -t tmpfs -o mode=755 tmpfs /mnt && cp "$1" /mnt/sallyport && shift
        for place in /tmp /var/tmp /dev/shm; do
            mount -t tmpfs -o mode=1777 tmpfs "$place" && test -z "$(ls -A "$place")"
        done
        exec "$@"
    """
    return ("unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "sh", str(copy))


def _other_version(bundle: Path, target: Path, *, filler: int) -> Path:
    """The same tree under another name: what the name is made of differs by some zeros behind the launcher."""
    content = bundle.read_bytes()
    fields = bytearray(content[-FOOTER:])
    (offset,) = struct.unpack_from("<Q", fields, OFFSET_AT)
    body = content[:offset] + bytes(filler) + content[offset:-FOOTER]
    struct.pack_into("<Q", fields, OFFSET_AT, offset + filler)
    fields[DIGEST_AT : DIGEST_AT + 32] = hashlib.sha256(body).digest()
    fields[-32:] = hashlib.sha256(fields[:-32]).digest()
    target.write_bytes(body + fields)
    target.chmod(0o755)
    return target


def _processes_of(data: Path) -> list[str]:
    """Those that name the data folder in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if os.fsencode(data) in command:
            found.append(path.parent.name)
    return found


def _until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)
