"""Which file of a command holds the code of a tool server, and when it is read again."""

import hashlib
import sys
from pathlib import Path

from app.catalog.program import Programs


def sha(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_script_of_an_interpreter_is_digested_and_the_interpreter_is_not(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text("one", encoding="utf-8")
    programs = Programs()
    command = (sys.executable, "-u", str(script), "--port", "1")
    assert programs.digest(command) == {str(script): sha(script)}
    assert programs.digest((sys.executable, "server.py"), folder=str(tmp_path)) == {str(script): sha(script)}
    before = programs.digest(command)
    script.write_text("two", encoding="utf-8")
    assert programs.digest(command) != before


def test_program_is_digested_through_its_links(tmp_path: Path) -> None:
    program, link = tmp_path / "tool", tmp_path / "link"
    program.write_bytes(b"\x7fELF")
    link.symlink_to(program)
    assert Programs().digest((str(link),)) == {str(link): sha(program)}


def test_what_cannot_be_known_is_left_out(tmp_path: Path) -> None:
    assert Programs().digest((sys.executable, "-m", "module")) == {}
    assert Programs().digest((str(tmp_path / "absent"),)) == {}
    assert Programs().digest(()) == {}


def test_files_that_a_script_is_given_are_not_its_code(tmp_path: Path) -> None:
    (tmp_path / "tools.log").write_text("grows")
    (tmp_path / "server.py").write_text("pass")
    programs = Programs()
    assert programs.digest(["python3", "-m", "tools", "--log", "tools.log"], folder=str(tmp_path)) == {}
    assert list(programs.digest(["python3", "server.py", "tools.log"], folder=str(tmp_path))) == [
        str(tmp_path / "server.py")
    ]
