"""Files beside the profile hold tool servers and nothing else."""

from pathlib import Path

import pytest

from app.config import load
from app.core.errors import ConfigError


def beside(folder: Path, text: str) -> Path:
    profile = folder / "site.yaml"
    profile.write_text("mcp: {servers: {first: {url: 'http://a.example/mcp'}}}\n", encoding="utf-8")
    (folder / "site.d").mkdir()
    (folder / "site.d" / "more.yaml").write_text(text, encoding="utf-8")
    return profile


def test_servers_beside_the_profile_are_part_of_it_and_read_secrets_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hush", encoding="utf-8")
    text = "mcp: {servers: {second: {command: [/bin/true], environment: {TOKEN: 'file:token'}}}}\n"
    loaded = load(beside(tmp_path, text), environment={})
    assert set(loaded.mcp.servers) == {"first", "second"}
    assert loaded.mcp.servers["second"].environment["TOKEN"].reveal() == "hush"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("listen: {address: '0.0.0.0:1'}\n", "nothing else"),
        ("mcp: {pins: approve}\n", "nothing else"),
        ("mcp: {servers: {first: {url: 'http://b.example/mcp'}}}\n", "already"),
        ("mcp: {servers: {second: {}}}\n", "exactly one of command and url"),
        ("[]\n", "must be a mapping"),
    ],
)
def test_anything_else_beside_the_profile_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(beside(tmp_path, text), environment={})
    assert said in str(refused.value)
