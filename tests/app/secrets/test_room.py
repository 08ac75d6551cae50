"""Secrets are set, granted, rotated, revoked and deleted; nobody but their recipient is given them."""

from pathlib import Path

import psycopg
import pytest

from app.core.errors import ConflictError, InputError, NotFoundError, SecretError
from app.secrets import Secrets
from tests.app.secrets.world import NEXT, VALUE, given, node, passage


async def stored(secrets: Secrets, name: str = "token", value: bytes = VALUE) -> None:
    await secrets.set(passage("set", name), name, value, purpose="tickets")
    await secrets.grant(passage("grant", name), name, "server:files")


async def test_secret_is_given_once_it_is_granted(database: str, tmp_path: Path):
    async with node(database, tmp_path) as secrets:
        shown = await secrets.set(passage("set"), "token", VALUE, purpose="tickets")
        assert (shown.version, shown.purpose, shown.recipients) == (1, "tickets", ())
        assert shown.used_by == ("server:files",)
        with pytest.raises(SecretError, match="not granted"):
            given(secrets)
        await secrets.grant(passage("grant"), "token", "server:files")
        assert given(secrets) == VALUE
        with pytest.raises(SecretError, match="not granted to server:other"):
            given(secrets, recipient="server:other")
        with pytest.raises(SecretError, match="There is no secret"):
            given(secrets, "nothing")


async def test_rotation_gives_the_new_value_and_keeps_two(database: str, tmp_path: Path):
    async with node(database, tmp_path) as secrets:
        await stored(secrets)
        moved: list[set[str]] = []
        secrets.catalogue.moved.append(lambda recipients: moved.append(set(recipients)))
        assert (await secrets.rotate(passage("rotate"), "token", NEXT)).version == 2
        assert given(secrets) == NEXT
        assert secrets.redactor.data(VALUE + b" " + NEXT) == b"[secret token] [secret token]"
        await secrets.rotate(passage("rotate"), "token", b"the-third-value")
        history = await secrets.history("token")
        assert [(one.version, one.state) for one in history] == [
            (3, "current"),
            (2, "previous"),
            (1, "destroyed"),
        ]
        assert secrets.redactor.data(VALUE) == VALUE
        assert moved == [{"server:files"}, {"server:files"}]
    with psycopg.connect(database) as conn:
        boxes = conn.execute("SELECT value FROM secret_versions WHERE version = 1").fetchall()
    assert boxes == [(b"",)]


async def test_revoked_secret_is_given_no_more(database: str, tmp_path: Path):
    async with node(database, tmp_path) as secrets:
        await stored(secrets)
        await secrets.revoke(passage("revoke"), "token", "server:files")
        with pytest.raises(SecretError, match="not granted"):
            given(secrets)
        with pytest.raises(NotFoundError, match="not granted"):
            await secrets.revoke(passage("revoke"), "token", "server:files")


async def test_deletion_says_who_uses_it_and_destroys(database: str, tmp_path: Path):
    async with node(database, tmp_path) as secrets:
        await stored(secrets)
        with pytest.raises(ConflictError, match="in use by server:files"):
            await secrets.delete(passage("delete"), "token")
        await secrets.revoke(passage("revoke"), "token", "server:files")
        await secrets.delete(passage("delete"), "token")
        assert await secrets.list_all() == []
        with pytest.raises(NotFoundError):
            await secrets.show("token")
        shown = await secrets.set(passage("set"), "token", NEXT)
        assert (shown.version, shown.recipients) == (2, ())
    with psycopg.connect(database) as conn:
        rows = conn.execute("SELECT version, value = '', wrapped = '' FROM secret_versions").fetchall()
    assert sorted(rows) == [(1, True, True), (2, False, False)]


async def test_set_never_replaces(database: str, tmp_path: Path):
    async with node(database, tmp_path) as secrets:
        await stored(secrets)
        with pytest.raises(ConflictError, match="already"):
            await secrets.set(passage("set"), "token", NEXT)
        with pytest.raises(NotFoundError):
            await secrets.rotate(passage("rotate", "other"), "other", NEXT)
        assert given(secrets) == VALUE


@pytest.mark.parametrize(
    ("name", "value", "purpose"),
    [
        ("Token", VALUE, ""),
        ("../x", VALUE, ""),
        ("", VALUE, ""),
        ("token", b"tiny1", ""),
        ("token", b"aaaaaaaaaaaa", ""),
        ("token", b" \n\t\r \n\t\r", ""),
        ("token", b"0123" * 20_000, ""),
        ("token", VALUE, "two\nlines"),
    ],
)
async def test_unusable_input_is_refused_without_being_repeated(
    database: str, tmp_path: Path, name: str, value: bytes, purpose: str
):
    async with node(database, tmp_path) as secrets:
        with pytest.raises(InputError) as caught:
            await secrets.set(passage("set"), name, value, purpose=purpose)
        assert value.decode() not in str(caught.value) or not value.strip()
        assert await secrets.list_all() == []


@pytest.mark.parametrize("recipient", ["files", "server:", "tool:files", "server:a b", "server:" + "x" * 65])
async def test_unknown_kind_of_recipient_is_refused(database: str, tmp_path: Path, recipient: str):
    async with node(database, tmp_path) as secrets:
        await stored(secrets)
        with pytest.raises(InputError):
            await secrets.grant(passage("grant"), "token", recipient)


async def test_change_needs_a_passage_of_its_own_action(database: str, tmp_path: Path):
    async with node(database, tmp_path) as secrets:
        with pytest.raises(ValueError, match="cannot make the change"):
            await secrets.set(passage("list"), "token", VALUE)


async def test_other_node_follows(database: str, tmp_path: Path):
    async with node(database, tmp_path) as one, node(database, tmp_path) as two:
        await two.catalogue.open()
        moved: list[set[str]] = []
        two.catalogue.moved.append(lambda recipients: moved.append(set(recipients)))
        await stored(one)
        await two.catalogue.follow()
        assert given(two) == VALUE
        await one.rotate(passage("rotate"), "token", NEXT)
        await two.catalogue.follow()
        assert given(two) == NEXT
        await two.catalogue.follow()
        await one.revoke(passage("revoke"), "token", "server:files")
        await two.catalogue.follow()
        assert moved == [{"server:files"}] * 3


async def test_nothing_stored_holds_the_value(database: str, tmp_path: Path):
    async with node(database, tmp_path) as secrets:
        await stored(secrets)
        assert VALUE.decode() not in repr([await secrets.list_all(), secrets.catalogue.snapshot.opened])
        assert VALUE.decode() not in repr(secrets.broker.injection("server:files", {"TOKEN": "token"}))
    with psycopg.connect(database) as conn:
        for table in ("secrets", "secret_versions", "secret_grants", "secret_keys", "secret_catalogue"):
            rows = conn.execute(f"SELECT t::text, row_to_json(t)::text FROM {table} t").fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]
            assert VALUE.decode() not in str(rows)
            assert VALUE.hex() not in str(rows)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or VALUE not in path.read_bytes()
