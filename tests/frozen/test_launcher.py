import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.frozen]


def _trees(runtime: Path) -> list[str]:
    return [path.name for path in runtime.iterdir() if not path.name.startswith(".")]


def _version(bundle: Path, runtime: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "SALLYPORT_RUNTIME_DIR": str(runtime)} | changes
    return subprocess.run(
        [bundle, "version"], env=env, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def copy(bundle: Path, folder: Path) -> Path:
    return Path(shutil.copy(bundle, folder / "sallyport"))


def test_second_start_uses_what_the_first_unpacked(bundle: Path, folder: Path) -> None:
    runtime = folder / "rt"
    assert _version(bundle, runtime).returncode == 0
    (tree,) = runtime.iterdir()
    before = tree.stat().st_ctime_ns
    assert _version(bundle, runtime).returncode == 0
    assert [path.stat().st_ctime_ns for path in runtime.iterdir()] == [before]


@pytest.mark.parametrize("lost", ["_internal/libcrypto.so.3", "sallyport", "_internal/postgres/bin/postgres"])
def test_file_taken_by_a_cleaner_is_unpacked_again(bundle: Path, folder: Path, lost: str) -> None:
    runtime = folder / "rt"
    _version(bundle, runtime)
    (tree,) = runtime.iterdir()
    (tree / lost).unlink()
    assert _version(bundle, runtime).returncode == 0
    assert (tree / lost).exists()


def test_interrupted_unpacking_is_begun_anew(bundle: Path, folder: Path) -> None:
    runtime = folder / "rt"
    _version(bundle, runtime)
    (tree,) = runtime.iterdir()
    tree.rename(runtime / f".{tree.name}.partial")
    assert _version(bundle, runtime).returncode == 0
    assert [path.name for path in runtime.iterdir()] == [tree.name]


def test_older_trees_are_pruned_but_the_previous_one(bundle: Path, folder: Path) -> None:
    runtime = folder / "rt"
    runtime.mkdir()
    for age, letter in enumerate("abc"):
        old = runtime / (letter * 32)
        (old / "_internal").mkdir(parents=True)
        os.utime(old, (1_000_000 - age, 1_000_000 - age))
    (runtime / "something-else").mkdir()
    assert _version(bundle, runtime).returncode == 0
    assert {"a" * 32, "something-else"} < set(_trees(runtime))
    assert not {"b" * 32, "c" * 32} & set(_trees(runtime))


def test_tree_in_use_is_not_pruned(bundle: Path, folder: Path) -> None:
    runtime = folder / "rt"
    for letter in "ab":
        (runtime / (letter * 32)).mkdir(parents=True)
    os.utime(runtime / ("b" * 32), (1, 1))
    user = subprocess.Popen(
        ["flock", "--shared", runtime / ("b" * 32), "sh", "-c", "echo held; sleep 60"], stdout=-1
    )
    try:
        assert user.stdout
        assert user.stdout.readline() == b"held\n"
        assert _version(bundle, runtime).returncode == 0
        assert "b" * 32 in _trees(runtime)
    finally:
        user.kill()
        user.wait()


def test_eight_first_starts_at_once_all_run(bundle: Path, folder: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "SALLYPORT_RUNTIME_DIR": str(folder / "rt")}
    starts = [subprocess.Popen([bundle, "version"], env=env, stdout=-1, stderr=-1) for _ in range(8)]
    answers = [start.communicate(timeout=60) for start in starts]
    assert {answer[1] for answer in answers} == {b""}
    assert [start.returncode for start in starts] == [0] * 8
    assert len(_trees(folder / "rt")) == 1


def test_sixteen_open_files_suffice_to_start(bundle: Path, folder: Path) -> None:
    command = f'ulimit -n 16; exec "{bundle}" version'
    result = subprocess.run(
        ["sh", "-c", command],
        env={"SALLYPORT_RUNTIME_DIR": str(folder / "rt")},
        capture_output=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("size", [0, 400, 200_000, -512, -1, -100_000])
def test_truncated_copy_is_refused_in_words(copy: Path, folder: Path, size: int) -> None:
    content = copy.read_bytes()
    # as much of the launcher as the kernel needs is left, or nothing could say anything
    os.truncate(copy, size if size > 200_000 else len(content) + size if size < 0 else 250_000 + size)
    result = _version(copy, folder / "rt")
    assert result.returncode == 1
    assert "this copy is damaged" in result.stderr
    assert "Copy the file again" in result.stderr
    assert not (folder / "rt").exists()


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.999])
def test_flipped_bit_is_refused_in_words(copy: Path, folder: Path, share: float) -> None:
    content = bytearray(copy.read_bytes())
    content[int(len(content) * share)] ^= 0x10
    copy.write_bytes(content)
    result = _version(copy, folder / "rt")
    assert result.returncode == 1
    assert "this copy is damaged" in result.stderr
    assert not any((folder / "rt").glob("*")), "nothing of a damaged copy may be unpacked"


@pytest.mark.parametrize("place", [1, 100, 300, 511])
def test_flipped_bit_in_the_footer_is_refused(copy: Path, folder: Path, place: int) -> None:
    content = bytearray(copy.read_bytes())
    content[-place] ^= 1
    copy.write_bytes(content)
    assert "this copy is damaged" in _version(copy, folder / "rt").stderr


def test_children_get_the_environment_of_before(bundle: Path, folder: Path) -> None:
    result = _version(bundle, folder / "rt", LD_LIBRARY_PATH="/somewhere", LD_PRELOAD="")
    assert (result.returncode, result.stderr) == (0, "")
