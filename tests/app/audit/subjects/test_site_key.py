"""The site's key: made once, private, never guessed at."""

from pathlib import Path

import pytest

from app.audit.subjects.site_key import make_site_key, read_site_key
from app.core.errors import ConfigError


def test_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "record" / "subjects"
    made = make_site_key(path)
    again = make_site_key(path)
    read = read_site_key(path)
    assert read is not None
    assert made.id == again.id == read.id
    assert path.stat().st_mode & 0o077 == 0
    assert list(path.parent.iterdir()) == [path]


def test_no_file_is_no_key_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "subjects"
    assert read_site_key(path) is None
    for text in ("", "zz", "00" * 31, "00" * 33, "\u00e9" * 64):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="cannot be used"):
            read_site_key(path)
