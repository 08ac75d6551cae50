"""A witness in a process of its own: it cosigns a record that grows, and stops one that shows another past."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from app.audit.tlog.note import parse_key, parse_note, parse_signatures
from app.audit.tlog.signing import verify
from tests.fix_process import ROOT, Program, clean, sallyport, until

pytestmark = pytest.mark.slow


@contextmanager
def witnessing(program: Program, folder: Path, keys: list[str]) -> Iterator[dict[str, Any]]:
    """`sallyport witness` with a data folder of its own."""
    words = [*sallyport(), "witness", "--listen", "127.0.0.1:0", "--plain-http", "--json"]
    words += ["--data", str(folder), *(word for key in keys for word in ("--log", key))]
    process = subprocess.Popen(words, cwd=ROOT, env=clean(), stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline()) | {"pid": process.pid}
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def with_witness(program: Program, **witness: str) -> None:
    """Name the witness in the profile."""
    profile = yaml.safe_load(program.profile.read_text(encoding="utf-8"))
    profile["record"] |= {"checkpoints": {"seconds": 0.5}, "witnesses": {"tower": witness}}
    program.profile.write_text(yaml.safe_dump(profile), encoding="utf-8")


def keys_of(program: Program) -> list[str]:
    with program.serving():
        return [line["key"] for line in json.loads(program.run("audit", "keys", "--json").stdout)]


def test_checkpoints_are_cosigned_and_kept_with_their_cosignatures(database: str, tmp_path: Path) -> None:
    program = Program(tmp_path, database=database)
    with witnessing(program, tmp_path / "tower", keys_of(program)) as tower:
        assert [parse_key(key).algorithm for key in tower["keys"]] == [4, 6]
        with_witness(program, url=tower["url"], key=tower["keys"][1])
        held = Path(f"/proc/{tower['pid']}/status").read_text(encoding="ascii")
        assert "\nSeccomp:\t2\n" in held, "the kernel holds a witness as it holds a server"
        with program.serving():
            for number in range(2):
                before = len(program.rows("SELECT 1 FROM audit_cosignatures"))
                program.key(name=f"robot-{number}")
                until(lambda before=before: len(program.rows("SELECT 1 FROM audit_cosignatures")) > before)
            status = program.run("audit", "status")
            assert status.returncode == 0, status.stdout
    rows = program.rows(
        "SELECT note, line FROM audit_cosignatures JOIN audit_checkpoints USING (epoch, size)"
    )
    for row in rows:
        assert verify(parse_note(row["note"] + row["line"]), parse_key(tower["keys"][1]))
    lines = (tmp_path / "data" / "record" / "checkpoints").read_text(encoding="utf-8").splitlines()
    outside = [line for text in lines for line in json.loads(text).get("cosignatures", [])]
    assert [parse_signatures(line)[0].name for line in outside] == [parse_key(tower["keys"][1]).name] * len(
        rows
    )


def test_a_record_put_back_with_its_files_is_stopped_by_the_witness(
    database: str, postgres: str, tmp_path: Path
) -> None:
    """As when a whole machine is put back to a snapshot: only the witness remembers."""
    program = Program(tmp_path, database=database)
    name = str(conninfo_to_dict(database)["dbname"])
    with witnessing(program, tmp_path / "tower", keys_of(program)) as tower:
        with_witness(program, url=tower["url"], key=tower["keys"][0])
        _run(postgres, f"CREATE DATABASE {name}_kept TEMPLATE {name}")
        try:
            subprocess.run(["cp", "-a", tmp_path / "data", tmp_path / "kept"], check=True)
            with program.serving():
                program.key()
                until(lambda: program.rows("SELECT 1 FROM audit_cosignatures"))
            (tmp_path / "data").rename(tmp_path / "lost")
            (tmp_path / "kept").rename(tmp_path / "data")
            _run(
                postgres, f"DROP DATABASE {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {name}_kept"
            )
            with program.serving() as process:
                program.key(name="other")
                until(lambda: "ALARM of the record (rollback)" in program.log() or "(fork)" in program.log())
                assert process.url
            refused = program.run("serve")
            assert refused.returncode == 2
            assert "The witness tower has" in refused.stderr
            done = program.run("audit", "restored", "--reason", "the machine was put back")
            assert done.returncode == 0, done.stderr
            with program.serving():
                until(lambda: program.rows("SELECT 1 FROM audit_cosignatures WHERE epoch = 2"))
                assert program.run("audit", "status").returncode == 0
        finally:
            _run(postgres, f"DROP DATABASE {name}_kept")


def _run(postgres: str, *statements: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]
