"""A backup read back: everything is decrypted and held against what was signed before anything of it is used."""

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from app.backup.age import Decrypting, FileKey, Identity, Passphrase, open_header
from app.backup.contents import (
    FORMAT,
    MOST_CONTENTS,
    MOST_MANIFEST,
    MOST_NOTE,
    Contents,
    Manifest,
    compare,
    parsed,
)
from app.backup.parts import PIECE, OpenPart, Part, PartReader
from app.backup.writing import STEP
from app.core.errors import InputError

Openers = Sequence[Identity] | Passphrase | FileKey
_CALLED = "manifest.json"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A backup whose parts are those that its last part lists; `note` is the signature over `contents_bytes`."""

    manifest: Manifest
    contents: Contents
    contents_bytes: bytes
    note: str
    digest: str
    size: int


class BackupReader:
    """One file, held open, so that what was checked is what is used."""

    def __init__(self, path: Path, by: Openers) -> None:
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}).", remedy="Check the path.") from None
        self._by = by
        self.size = os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def check(self, progress: Callable[[int, int], None]) -> Checked:
        """Read it to the end; InputError at the first byte that is not as it was written."""
        reader, kept = self._parts(), dict[str, bytes]()
        limits = {_CALLED: MOST_MANIFEST, "contents.json": MOST_CONTENTS, "contents.note": MOST_NOTE}
        for part in reader:
            if part.name in limits:
                kept[part.name] = part.whole(limits[part.name])
            else:
                for _ in part:
                    pass
            progress(self._file.tell(), self.size)
        names = [part.name for part in reader.parts]
        if names[:1] != [_CALLED] or names[-2:] != ["contents.json", "contents.note"]:
            raise InputError("The backup lacks its first or its last part.", remedy="Take another backup.")
        contents = parsed(kept["contents.json"], Contents, name="contents.json")
        compare(contents, reader.parts[:-2])
        manifest = parsed(kept[_CALLED], Manifest, name=_CALLED)
        if manifest.format != FORMAT:
            raise InputError("The backup is of another format.", remedy="Use a newer file.")
        return Checked(
            manifest=manifest,
            contents=contents,
            contents_bytes=kept["contents.json"],
            note=_text(kept["contents.note"]),
            digest=self._digest(),
            size=self.size,
        )

    def again(self, checked: Checked) -> Iterator[OpenPart]:
        """Every part once more, each held against what was checked when it was read."""
        reader = self._parts()
        for number, part in enumerate(reader):
            yield part
            for _ in part:
                pass
            wanted = checked.contents.parts[number : number + 1]
            if wanted and wanted[0] != Part(part.name, part.size, part.digest):
                raise InputError("The backup changed while it was read.", remedy="Try again.")

    def _parts(self) -> PartReader:
        self._file.seek(0)
        return PartReader(Decrypting(self._file, open_header(self._file, self._by)).read)

    def _digest(self) -> str:
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()


def unpacked(part: OpenPart) -> Iterator[bytes]:
    """The text in a part of a table; never more than such a part can hold."""
    unpacker, most = zlib.decompressobj(31), STEP
    try:
        for piece in part:
            data, plain = piece, b""
            while data or len(plain) == PIECE:
                plain = unpacker.decompress(data, PIECE)
                data = unpacker.unconsumed_tail
                most -= len(plain)
                if most < 0:
                    raise InputError(
                        f"{part.name} is larger than such a part can be.", remedy="Take another backup."
                    )
                yield plain
    except zlib.error:
        raise InputError(f"{part.name} cannot be unpacked.", remedy="Take another backup.") from None
    if not unpacker.eof or unpacker.unused_data:
        raise InputError(f"{part.name} ends too early or too late.", remedy="Take another backup.")


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InputError("The signature of the backup is no text.", remedy="Take another backup.") from None
