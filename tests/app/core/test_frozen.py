import sys

from app.core.frozen import own_command, restore_environment


def test_children_see_the_library_path_of_before() -> None:
    environment = {"LD_LIBRARY_PATH": "/rt/_internal", "LD_LIBRARY_PATH_ORIG": "/site/lib", "PATH": "/bin"}
    restore_environment(environment)
    assert environment == {"LD_LIBRARY_PATH": "/site/lib", "PATH": "/bin"}


def test_children_see_no_library_path_when_there_was_none() -> None:
    environment = {"LD_LIBRARY_PATH": "/rt/_internal", "LD_PRELOAD_ORIG": ""}
    restore_environment(environment)
    assert environment == {"LD_PRELOAD": ""}


def test_children_see_nothing_of_the_bootloader() -> None:
    environment = {"_PYI_ARCHIVE_FILE": "/rt/sallyport", "_PYI_PARENT_PROCESS_LEVEL": "0", "LANG": "C"}
    restore_environment(environment)
    assert environment == {"LANG": "C"}


def test_checkout_starts_itself_by_its_python() -> None:
    assert own_command() == [sys.executable, "-m", "app"]
