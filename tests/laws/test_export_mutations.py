"""No single change of an export goes unnoticed, by the program or by the script that stands beside the rows."""

import asyncio
import contextlib
import importlib.util
import io
import json
import random
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.audit.verify import Anchors, keys, verify_export
from app.core.paths import resources
from tests.sealed_log import SealedLog, call_rows, resigned

SCRIPT = resources() / "assets" / "record" / "verify.py"


def _script() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("standalone_verify", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STANDALONE = _script()
CONTENTS = [b"c" * 30_000, b"d" * 25_000]


@pytest.fixture(scope="module")
def log() -> SealedLog:
    log = SealedLog(call_rows(150, boots=2, contents=CONTENTS), contents=CONTENTS, steps=[7, 256, 290])
    log.drop(40, 44)
    return log


@pytest.fixture(scope="module")
def bundle(log: SealedLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "export"
    asyncio.run(log.export(path))
    return path


@pytest.fixture(scope="module")
def small(log: SealedLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("range") / "export"
    asyncio.run(log.export(path, 30, 120))
    return path


def by_program(path: Path, *trusted: str) -> str:
    return asyncio.run(verify_export(path, Anchors(keys=keys(trusted)))).verdict


def by_script(path: Path, *trusted: str) -> str:
    words = [str(path), "--json", *(word for key in trusted for word in ("--key", key))]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = STANDALONE.main(words)
    verdict = json.loads(out.getvalue())["verdict"]
    assert code == {"intact": 0, "tampered": 1, "cannot tell": 2}[verdict]
    return verdict


def files(path: Path, *prefixes: str) -> list[Path]:
    found = [file for file in path.rglob("*") if file.is_file()]
    return sorted(file for file in found if file.relative_to(path).as_posix().startswith(prefixes or ("",)))


# Each changes one thing in the export and says what.


def edit_byte(path: Path, rng: random.Random) -> str:
    file = rng.choice(files(path))
    data = bytearray(file.read_bytes())
    at = rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)
    file.write_bytes(data)
    return f"byte {at} of {file}"


def remove_file(path: Path, rng: random.Random) -> str:
    file = rng.choice([file for file in files(path) if file.name != "manifest.json"])
    file.unlink()
    return f"removed {file}"


def add_file(path: Path, rng: random.Random) -> str:
    names = [
        "tile/0/007",
        "tile/1/000",
        "tile/entries/002.p/1",
        "contents/00/" + "0" * 64,
        "statements/9.note",
        "x",
    ]
    file = path / rng.choice(names)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(rng.randbytes(32))
    return f"added {file}"


def cut_file(path: Path, rng: random.Random) -> str:
    file = rng.choice(files(path))
    data = file.read_bytes()
    file.write_bytes(data[: rng.randrange(len(data))])
    return f"cut {file}"


def lengthen_file(path: Path, rng: random.Random) -> str:
    file = rng.choice(files(path))
    file.write_bytes(file.read_bytes() + rng.randbytes(rng.choice([1, 2, 32, 100])))
    return f"lengthened {file}"


def swap_files(path: Path, rng: random.Random) -> str:
    one, other = rng.sample(files(path, "tile/", "checkpoints/", "contents/"), 2)
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    return f"swapped {one} and {other}"


def edit_manifest(path: Path, rng: random.Random) -> str:
    file = path / "manifest.json"
    manifest = json.loads(file.read_bytes())
    name = rng.choice(sorted(manifest))
    value = manifest[name]
    if isinstance(value, bool):
        manifest[name] = not value
    elif isinstance(value, int):
        manifest[name] = value + rng.choice([-1, 1, 256])
    elif isinstance(value, str):
        manifest[name] = value + "x"
    elif isinstance(value, dict):
        manifest[name] = {**value, "x": "y"}
    else:
        manifest[name] = [*value, {}]
    file.write_text(json.dumps(manifest))
    return f"manifest {name}"


def _bundles(path: Path, rng: random.Random) -> tuple[Path, list[bytes]]:
    file = rng.choice(files(path, "tile/entries/"))
    return file, _split(file.read_bytes())


def _split(data: bytes) -> list[bytes]:
    return list(STANDALONE.split(data))


def _write(file: Path, entries: list[bytes]) -> None:
    file.write_bytes(b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries))


def edit_row(path: Path, rng: random.Random) -> str:
    file, entries = _bundles(path, rng)
    at = rng.choice([i for i, entry in enumerate(entries) if entry])
    row = json.loads(entries[at])
    name = rng.choice(sorted(row))
    row[name] = (
        row[name] + 1 if isinstance(row[name], int) else {"x": 1} if name == "body" else row[name] + "x"
    )
    entries[at] = json.dumps(row, separators=(",", ":")).encode()
    _write(file, entries)
    return f"row {at} of {file}: {name}"


def remove_row(path: Path, rng: random.Random) -> str:
    file, entries = _bundles(path, rng)
    at = rng.choice([i for i, entry in enumerate(entries) if entry])
    if rng.random() < 0.5:
        entries[at] = b""
    else:
        del entries[at]
    _write(file, entries)
    return f"removed row {at} of {file}"


def insert_row(path: Path, rng: random.Random) -> str:
    file, entries = _bundles(path, rng)
    new = rng.choice([entry for entry in entries if entry])
    if rng.random() < 0.5:
        new = new.replace(b"robot", b"nobody")
    at = rng.randrange(len(entries) + 1)
    entries.insert(at, new)
    _write(file, entries)
    return f"inserted row {at} of {file}"


def swap_rows(path: Path, rng: random.Random) -> str:
    file, entries = _bundles(path, rng)
    one, other = rng.sample([i for i, entry in enumerate(entries) if entry], 2)
    entries[one], entries[other] = entries[other], entries[one]
    _write(file, entries)
    return f"swapped rows {one} and {other} of {file}"


def cut_tail(path: Path, rng: random.Random) -> str:
    file = files(path, "tile/entries/")[-1]
    entries = _split(file.read_bytes())
    last = max(i for i, entry in enumerate(entries) if entry) + 1
    _write(file, entries[: last - rng.randint(1, min(20, last))])
    return f"cut the tail of {file}"


def edit_tile(path: Path, rng: random.Random) -> str:
    file = rng.choice(files(path, "tile/0", "tile/1"))
    data = bytearray(file.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    file.write_bytes(data)
    return f"hash in {file}"


def edit_content(path: Path, rng: random.Random) -> str:
    found = files(path, "contents/")
    if not found:
        return edit_row(path, rng)
    file = rng.choice(found)
    if rng.random() < 0.3:
        file.unlink()
        return f"removed {file}"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    return f"content {file}"


def edit_head(path: Path, rng: random.Random) -> str:
    file = path / "checkpoint"
    lines = file.read_text().split("\n")
    which = rng.randrange(3)
    lines[which] = lines[which][:-1] + ("x" if which == 0 else "0" if lines[which][-1] != "0" else "1")
    file.write_text("\n".join(lines))
    return f"line {which} of the checkpoint"


Mutation = Callable[[Path, random.Random], str]
ANY: list[Mutation] = [
    edit_byte, remove_file, add_file, cut_file, lengthen_file, swap_files, edit_manifest,
]  # fmt: skip
ROWS: list[Mutation] = [
    edit_row, remove_row, insert_row, swap_rows, cut_tail, edit_tile, edit_content, edit_head,
]  # fmt: skip


@contextlib.contextmanager
def put_back(path: Path) -> Iterator[None]:
    """Afterwards the folder is as it was: copying it each time would cost more than verifying it."""
    before = {file: file.read_bytes() for file in files(path)}
    yield
    for file in files(path):
        if file not in before:
            file.unlink()
    for file, data in before.items():
        if not file.exists() or file.read_bytes() != data:
            file.write_bytes(data)


def undetected(mutation: Mutation, path: Path, seed: int, *, fits: bool) -> list[str]:
    """Make the mutation of this seed; with `fits` the manifest is made to fit, as far as that goes without keys."""
    with put_back(path):
        what = mutation(path, random.Random(seed))
        if fits:
            resigned(path)
        found = {"program": by_program(path), "script": by_script(path)}
    return [f"{who}, seed {seed}: {what}" for who, verdict in found.items() if verdict != "tampered"]


def _all_found(mutation: Mutation, bundles: list[Path], seeds: range, *, fits: bool) -> None:
    missed = [
        miss for seed in seeds for miss in undetected(mutation, bundles[seed % len(bundles)], seed, fits=fits)
    ]
    assert missed == []


@pytest.mark.parametrize("mutation", [*ANY, *ROWS])
def test_changes_are_found(mutation: Mutation, bundle: Path, small: Path) -> None:
    _all_found(mutation, [bundle, small], range(8), fits=False)


@pytest.mark.parametrize("mutation", ROWS)
def test_changed_rows_are_found_though_the_manifest_was_made_to_fit(
    mutation: Mutation, bundle: Path, small: Path
) -> None:
    _all_found(mutation, [bundle, small], range(8), fits=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutation", [*ANY, *ROWS])
def test_of_ten_thousand_changes_all_are_found(mutation: Mutation, bundle: Path, small: Path) -> None:
    _all_found(mutation, [bundle, small], range(1000, 1450), fits=False)
    if mutation in ROWS:
        _all_found(mutation, [bundle, small], range(2000, 2450), fits=True)


def test_an_untouched_export_is_intact(log: SealedLog, bundle: Path, small: Path) -> None:
    for path in (bundle, small):
        assert by_program(path) == by_script(path) == "intact"
        assert by_program(path, *log.keys) == by_script(path, *log.keys) == "intact"


def test_the_same_record_under_other_keys_is_not_the_record(log: SealedLog, tmp_path: Path) -> None:
    from tests.sealed_log import signers

    forged = SealedLog(call_rows(20))
    forged.signers = signers(seed=2)
    forged = _resealed(forged)
    asyncio.run(forged.export(tmp_path / "forged"))
    assert by_program(tmp_path / "forged") == by_script(tmp_path / "forged") == "intact"
    assert by_program(tmp_path / "forged", *log.keys) == by_script(tmp_path / "forged", *log.keys) != "intact"


def _resealed(log: SealedLog) -> SealedLog:
    from app.audit.export import Head

    log.keys = [str(signer.key) for signer in log.signers]
    note = log.note(log.head.size, log.head.root)
    log.head = Head(origin=log.head.origin, size=log.head.size, root=log.head.root, note=note)
    return log
