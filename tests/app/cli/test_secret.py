"""`secret`: what scripts rely on; no value is ever printed, recorded or left anywhere."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fix_command import Command

VALUE = "the-value-of-it-4711"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(database: str, tmp_path: Path, command: Command) -> Run:
    """Runs a command line on a site with a fresh database: exit code, output, errors."""
    profile = tmp_path / "profile.yaml"
    profile.write_text(
        json.dumps(
            {
                "database": {"url": database},
                "mcp": {"servers": {"files": {"command": ["true"], "secrets": {"TOKEN": "token"}}}},
            }
        )
    )

    def line(*words: str) -> tuple[int, str, str]:
        ended = command(*words, "--profile", str(profile), "--data", str(tmp_path / "data"))
        assert VALUE not in ended.out + ended.err
        return ended.code, ended.out, ended.err

    return line


def read(run: Run, *words: str) -> Any:
    code, out, err = run(*words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def written(folder: Path, value: str) -> str:
    path = folder / "value"
    path.write_text(value)
    return str(path)


def test_life_of_a_secret(run: Run, tmp_path: Path) -> None:
    value = written(tmp_path, VALUE + "\n")
    made = read(run, "secret", "set", "token", "--file", value, "--purpose", "tickets")
    assert (made["name"], made["version"], made["recipients"], made["used_by"]) == (
        "token",
        1,
        [],
        ["server:files"],
    )
    assert read(run, "secret", "grant", "token", "--to", "server:files")["recipients"] == ["server:files"]
    assert read(run, "secret", "rotate", "token", "--file", written(tmp_path, VALUE * 2))["version"] == 2
    assert [one["name"] for one in read(run, "secret", "list")] == ["token"]
    assert read(run, "secret", "show", "token")["version"] == 2
    assert [one["state"] for one in read(run, "secret", "history", "token")] == ["current", "previous"]
    assert run("secret", "delete", "token")[0] == 1
    read(run, "secret", "revoke", "token", "--from", "server:files")
    assert read(run, "secret", "delete", "token") == {"name": "token"}
    assert run("secret", "show", "token")[0] == 3


def test_nothing_keeps_a_value(run: Run, tmp_path: Path, database: str) -> None:
    read(run, "secret", "set", "token", "--file", written(tmp_path, VALUE))
    read(run, "secret", "rotate", "token", "--file", written(tmp_path, VALUE + "-next"))
    (tmp_path / "value").unlink()
    with psycopg.connect(database) as conn:
        names = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in names:
            rows = conn.execute(f"SELECT t::text FROM {name} t").fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]
            assert VALUE not in str(rows), name
            assert VALUE.encode().hex() not in str(rows), name
        actions = conn.execute("SELECT action, resource FROM audit_events WHERE kind = 'intent' ORDER BY id")
        assert actions.fetchall() == [("admin.secret.set", "token"), ("admin.secret.rotate", "token")]
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or VALUE.encode() not in path.read_bytes(), path


def test_master_key_is_private_and_changes_while_everything_opens(run: Run, tmp_path: Path) -> None:
    read(run, "secret", "set", "token", "--file", written(tmp_path, VALUE))
    path = tmp_path / "data" / "keys" / "master.key"
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_text()
    done = read(run, "secret", "rekey")
    assert (done["versions"], done["before"] == done["after"]) == (1, False)
    assert before.splitlines()[-1] in path.read_text()
    found = read(run, "secret", "check")
    assert [(key["state"], key["here"]) for key in found["keys"]] == [("previous", True), ("current", True)]
    read(run, "secret", "rekey", "--finish")
    assert before.splitlines()[-1] not in path.read_text()
    assert read(run, "secret", "check")["problems"] == []
    assert run("secret", "rekey", "--finish")[0] == 1


@pytest.mark.parametrize("damage", ["gone", "another", "readable", "nonsense"])
def test_serve_refuses_to_start_without_its_master_key(run: Run, tmp_path: Path, damage: str) -> None:
    read(run, "secret", "set", "token", "--file", written(tmp_path, VALUE))
    path = tmp_path / "data" / "keys" / "master.key"
    if damage == "gone":
        path.unlink()
    elif damage == "another":
        path.write_text("sallyport-master-key-1 " + "A" * 43 + "=\n")
    elif damage == "readable":
        path.chmod(0o644)
    else:
        path.write_text("sallyport-master-key-1 rubbish\n")
    code, out, err = run("serve", "--address", "127.0.0.1:0", "--plain-http")
    assert (code, out) == (2, "")
    assert "master key" in err
    assert "Traceback" not in err
    code, _, err = run("secret", "rotate", "token", "--file", written(tmp_path, VALUE))
    assert (code, "master key" in err) == (2, True)


def test_serve_names_the_row_of_a_damaged_box(run: Run, tmp_path: Path, database: str) -> None:
    for name in ("token", "other"):
        read(run, "secret", "set", name, "--file", written(tmp_path, VALUE + name))
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(
            "UPDATE secret_versions SET value = set_byte(value, 40, get_byte(value, 40) # 1) WHERE name = 'other'"
        )
    code, _, err = run("serve", "--address", "127.0.0.1:0", "--plain-http")
    assert code == 2
    assert "The secret other cannot be opened" in err
    code, out, _ = run("secret", "check", "--json")
    assert (code, len(json.loads(out)["problems"])) == (1, 1)
    read(run, "secret", "delete", "other")
    assert read(run, "secret", "check")["problems"] == []


def test_new_key_is_a_master_key(command: Command) -> None:
    made = command("secret", "new-key")
    assert made.out.startswith("sallyport-master-key-1 ")
    assert made.out != command("secret", "new-key").out


@pytest.mark.slow
def test_passphrase_seals_and_opens(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALLYPORT_SECRETS_MASTER_KEY", "passphrase")
    monkeypatch.setenv("SALLYPORT_PASSPHRASE", "correct horse battery staple")
    read(run, "secret", "set", "token", "--file", written(tmp_path, VALUE))
    assert read(run, "secret", "check")["problems"] == []
    assert not (tmp_path / "data" / "keys" / "master.key").exists()
    monkeypatch.setenv("SALLYPORT_PASSPHRASE", "another horse battery staple")
    code, _, err = run("serve", "--address", "127.0.0.1:0", "--plain-http")
    assert (code, "passphrase is not the one" in err) == (2, True)
    monkeypatch.delenv("SALLYPORT_PASSPHRASE")
    reading, writing = os.pipe()
    os.write(writing, b"correct horse battery staple\n")
    os.close(writing)
    monkeypatch.setenv("SALLYPORT_PASSPHRASE_FD", str(reading))
    assert read(run, "secret", "check")["problems"] == []
    os.close(reading)


def test_systemd_credential_seals_and_opens(
    run: Run, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALLYPORT_SECRETS_MASTER_KEY", "credential")
    code, _, err = run("secret", "set", "token", "--file", written(tmp_path, VALUE))
    assert (code, "no systemd credentials" in err) == (2, True)
    folder = tmp_path / "credentials"
    folder.mkdir()
    first = command("secret", "new-key").out
    (folder / "sallyport-master-key").write_text(first)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    read(run, "secret", "set", "token", "--file", written(tmp_path, VALUE))
    code, _, err = run("secret", "rekey")
    assert (code, "no key that was not used" in err) == (2, True)
    (folder / "sallyport-master-key").write_text(first + command("secret", "new-key").out)
    read(run, "secret", "rekey")
    assert read(run, "secret", "check")["problems"] == []
