"""Files of age v1: opened by whoever they are for, byte for byte, and by nobody after any change."""

import io
import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from app.backup.age import (
    Decrypting,
    Encrypting,
    FileKey,
    Identity,
    Passphrase,
    Recipient,
    open_header,
    read_identities,
    read_passphrase,
    seal_header,
)
from app.backup.age.stream import CHUNK
from app.core.errors import InputError

SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7]
AGE = shutil.which("age") or "age"
needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="needs the age program")


def sealed(data: bytes, *to: Recipient | Passphrase) -> bytes:
    file = io.BytesIO()
    header, key = seal_header(
        to[0] if isinstance(to[0], Passphrase) else [one for one in to if isinstance(one, Recipient)]
    )
    file.write(header)
    encrypting = Encrypting(file, key)
    for start in range(0, len(data), 50_000):
        encrypting.write(data[start : start + 50_000])
    encrypting.close()
    return file.getvalue()


def opened(data: bytes, by: list[Identity] | Passphrase | FileKey) -> bytes:
    file = io.BytesIO(data)
    decrypting = Decrypting(file, open_header(file, by))
    return b"".join(iter(lambda: decrypting.read(10_000), b""))


@pytest.mark.parametrize("size", SIZES)
def test_each_of_several_recipients_gets_every_byte_back(size: int):
    data = os.urandom(size)
    one, two, stranger = Identity.new(), Identity.new(), Identity.new()
    file = sealed(data, one.recipient, two.recipient)
    assert opened(file, [one]) == opened(file, [stranger, two]) == data
    with pytest.raises(InputError, match="made for another key"):
        opened(file, [stranger])


def test_a_changed_or_missing_byte_is_noticed_wherever_it_is():
    identity = Identity.new()
    file = sealed(os.urandom(2 * CHUNK + 100), identity.recipient)
    for place in (
        0,
        30,
        60,
        120,
        180,
        file.index(b"\n--- ") + 10,
        250,
        CHUNK,
        2 * CHUNK + 100,
        len(file) - 1,
    ):
        altered = bytearray(file)
        altered[place] ^= 1
        with pytest.raises(InputError):
            opened(bytes(altered), [identity])
    for length in (0, 10, 150, 230, CHUNK, CHUNK + 400, len(file) - 1):
        with pytest.raises(InputError):
            opened(file[:length], [identity])
    with pytest.raises(InputError):
        opened(file + b"x", [identity])


def test_chunks_cannot_change_places_or_be_left_out():
    identity = Identity.new()
    header, key = seal_header([identity.recipient])
    file = io.BytesIO()
    encrypting = Encrypting(file, key)
    encrypting.write(os.urandom(3 * CHUNK))
    encrypting.close()
    nonce, body, step = file.getvalue()[:16], file.getvalue()[16:], CHUNK + 16
    chunks = [body[start : start + step] for start in range(0, len(body), step)]
    for order in ([1, 0, 2], [0, 2], [0, 1], [0, 1, 2, 2]):
        with pytest.raises(InputError, match="truncated or was altered"):
            opened(header + nonce + b"".join(chunks[number] for number in order), [identity])


def test_keys_and_passphrases_are_read_from_private_files_only(tmp_path: Path):
    path = tmp_path / "key"
    identity = Identity.new()
    path.write_text(f"# made today\n# public key: {identity.recipient}\n{identity.render()}\n")
    path.chmod(0o644)
    with pytest.raises(InputError, match="can be read by others"):
        read_identities(path)
    path.chmod(0o600)
    assert str(read_identities(path)[0].recipient) == str(identity.recipient)
    path.write_text("short\n")
    with pytest.raises(InputError, match="too short"):
        read_passphrase(path)
    with pytest.raises(InputError, match="no private key") as refused:
        read_identities(path)
    assert "short" not in str(refused.value)
    public = str(identity.recipient)
    changed = public[:-1] + ("q" if public[-1] != "q" else "p")
    for text in ("", "age1", changed, identity.render(), "x" * 5000):
        with pytest.raises(InputError, match="no recipient"):
            Recipient.parse(text)


@needs_age
@pytest.mark.parametrize("size", SIZES)
def test_the_age_program_and_we_open_each_other(size: int, tmp_path: Path):
    data = os.urandom(size)
    identity = Identity.new()
    key = tmp_path / "key"
    key.write_text(identity.render() + "\n")
    key.chmod(0o600)
    ours = sealed(data, identity.recipient)
    read = subprocess.run([AGE, "-d", "-i", key], input=ours, capture_output=True, check=True)
    assert read.stdout == data
    theirs = subprocess.run([AGE, "-r", str(identity.recipient)], input=data, capture_output=True, check=True)
    assert opened(theirs.stdout, [identity]) == data


@needs_age
@pytest.mark.slow
def test_the_age_program_and_we_know_the_same_passphrase(tmp_path: Path):
    words = "eleven small words over and over"
    (tmp_path / "ours").write_bytes(sealed(b"some data", Passphrase(words)))
    _typed([AGE, "-d", "-o", str(tmp_path / "read"), str(tmp_path / "ours")], [words])
    assert (tmp_path / "read").read_bytes() == b"some data"
    (tmp_path / "plain").write_bytes(b"other data")
    _typed([AGE, "-p", "-o", str(tmp_path / "theirs"), str(tmp_path / "plain")], [words, words])
    assert opened((tmp_path / "theirs").read_bytes(), Passphrase(words)) == b"other data"
    with pytest.raises(InputError, match="another key or passphrase"):
        opened((tmp_path / "theirs").read_bytes(), Passphrase(words + "!"))


def _typed(command: list[str], lines: list[str]) -> None:
    """Run it on a terminal and type a line at each prompt: age takes a passphrase from nowhere else."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    said = b""
    for line in lines:
        while not said.rstrip().endswith(b":"):
            said += os.read(terminal, 1000)
        os.write(terminal, line.encode() + b"\n")
        said = b""
    while True:
        try:
            if not os.read(terminal, 1000):
                break
        except OSError:  # the terminal is gone with its program
            break
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
