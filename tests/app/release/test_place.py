"""Where releases may be installed, and what the files of a prefix survive."""

import os
from pathlib import Path

import pytest

from app.core.clock import SystemClock
from app.core.errors import ReleaseError
from app.release.journal import Journal
from app.release.place import Place, check_prefix


def unsafe(prefix: Path, said: str) -> None:
    with pytest.raises(ReleaseError, match=said):
        check_prefix(prefix)


def test_prefix_that_others_could_change_is_refused(folder: Path) -> None:
    check_prefix(folder / "new" / "deeper")
    open_to_all = folder / "open"
    open_to_all.mkdir(mode=0o777)
    open_to_all.chmod(0o777)
    unsafe(open_to_all, "others may write")
    unsafe(open_to_all / "new", "others may write")
    open_to_all.chmod(0o1777)
    unsafe(open_to_all, "others may write")
    check_prefix(open_to_all / "new")


def test_links_and_files_on_the_way_are_refused(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "link").symlink_to(folder / "real")
    (folder / "file").write_text("")
    unsafe(folder / "link" / "new", "is a link")
    unsafe(folder / "file", "is not a folder")
    unsafe(Path("relative"), "not an absolute")
    unsafe(folder / ".." / "x", "not an absolute")
    unsafe(Path("/"), "not an absolute")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_folder_of_somebody_else_is_refused(folder: Path) -> None:
    theirs = folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    unsafe(theirs / "new", "belongs to user 65534")
    private = folder / "private"
    private.mkdir(mode=0o700)
    unsafe(private / "new", "cannot reach")


def test_journal_goes_on_after_a_line_that_was_cut_off(folder: Path) -> None:
    journal = Journal(folder / "journal", SystemClock())
    journal.write("one", number=1)
    with (folder / "journal").open("ab") as file:
        file.write(b'{"time":"2026-')
    journal.write("two")
    assert [step.step for step in journal.steps()] == ["one", "two"]
    journal.recorded(1)
    assert [step.step for step in journal.unrecorded()] == ["two"]


def test_damaged_state_is_an_error_and_not_an_empty_one(folder: Path) -> None:
    place = Place(folder)
    place.prepare()
    assert place.seen().highest == 0
    place.see(5, "m")
    place.see(3, "n")
    assert (place.seen().highest, place.seen().manifest) == (5, "m")
    (place.state / "state.json").write_text("{")
    with pytest.raises(ReleaseError, match="cannot be used"):
        place.seen()
