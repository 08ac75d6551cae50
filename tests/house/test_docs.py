"""Documentation is part of the program: examples run, references are current, links lead somewhere."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import psycopg
import pytest
import yaml

from app.cli.root import sallyport
from app.config import load
from app.config.reference import reference
from app.gateway.money import read_prices
from app.policy import check

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(language: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for number, match in enumerate(_FENCE.finditer(page.read_text(encoding="utf-8"))):
            if match[1] == language:
                yield f"{page.relative_to(ROOT)}#{number}", match[2]


def commands() -> Iterator[tuple[str, list[str]]]:
    for language in ("", "sh", "bash", "console"):
        for place, text in blocks(language):
            for line in text.replace("\\\n", " ").splitlines():
                found = re.match(r"^(?:\$ |sudo )*(?:\./|/\S+/|dist/)?sallyport (.*)$", line.strip())
                if found:
                    yield place, shlex.split(found[1].split("|")[0], comments=True)


def test_the_profile_reference_is_current() -> None:
    page = ROOT / "docs" / "operators" / "profile.md"
    assert page.read_text(encoding="utf-8") == reference(), (
        "run: scripts/run -- config reference > docs/operators/profile.md"
    )


@pytest.mark.parametrize(("place", "text"), list(blocks("yaml")))
def test_yaml_examples_are_accepted(place: str, text: str, tmp_path: Path) -> None:
    keys = yaml.safe_load(text)
    assert isinstance(keys, dict), place
    if "policy" in keys:
        _, checked = check(text.encode())
        assert not checked.failed, place
    elif "prices" in keys:
        path = tmp_path / "prices.yaml"
        path.write_text(text, encoding="utf-8")
        assert read_prices(path).prices, place
    else:
        path = tmp_path / "profile.yaml"
        path.write_text(re.sub(r"file:[^\s,}]+", f"file:{_secret(tmp_path)}", text), encoding="utf-8")
        names = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "postgresql://user@db.example/name")
        load(path, environment=names)


def _secret(folder: Path) -> Path:
    path = folder / "secret"
    path.write_text("a-secret", encoding="utf-8")
    return path


@pytest.mark.parametrize(("place", "words"), list(commands()))
def test_commands_in_examples_exist_with_these_options(place: str, words: list[str]) -> None:
    command: click.Command = sallyport
    context = click.Context(command, info_name="sallyport")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"{place}: there is no command {words[0]}"
        command, words = found, words[1:]
    options = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    options |= {"--help", "-h", "--version", "--"}
    unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in options]
    assert unknown == [], place


@pytest.mark.parametrize(("place", "text"), list(blocks("sql")))
def test_sql_examples_run(place: str, text: str, database: str) -> None:
    with psycopg.connect(database) as conn:
        for statement in filter(str.strip, text.split(";")):
            conn.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
