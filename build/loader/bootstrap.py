"""The bundle's first Python: an importer that finds every module of ours in one table, in place of PyInstaller's.

PyInstaller's bootloader runs this script before the program, with `sys._pyinstaller_pyz` naming the archive. Its own
importer asks three places for each module, opens the archive anew each time and patches ctypes, which most commands do
not use: a sixth of a start. This one keeps the archive open, so that a cleaner who empties the folder of a running
server cannot take modules away either. Libraries in C are found by Python itself, which looks when the table has no
such name.

The archive's layout (PyInstaller 6.22, pinned by hash in build/bundle.txt): "PYZ\\0", the interpreter's magic number, the
table's offset as a big-endian 32-bit integer; then zlib streams of marshalled code; then the table, marshalled: pairs of
a name and (kind, offset, length), kind 0 a module, 1 a package, 3 a namespace without code.
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# What the bootloader leaves in `sys`, and a loader without the base class, which would have to be imported.
import marshal
import os
import sys
import zlib
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER

PACKAGE, NAMESPACE = 1, 3
HEAD = 12


class Archive:
    """A finder (PEP 451) and the loader of what it finds."""

    def __init__(self, path, start, root):
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._start = start
        self._root = root
        head = os.pread(self._file, HEAD, start)
        if head[:4] != b"PYZ\0" or head[4:8] != MAGIC_NUMBER:
            raise SystemExit("sallyport: the modules of this copy cannot be read. Copy the file again.")
        table = start + int.from_bytes(head[8:], "big")
        self._table = dict(marshal.loads(os.pread(self._file, os.fstat(self._file).st_size - table, table)))

    def find_spec(self, name, path=None, target=None):
        """Where the module is; None lets Python's own finders look."""
        entry = self._table.get(name)
        if entry is None:
            return None
        place = f"{self._root}/{name.replace('.', '/')}"
        if entry[0] == NAMESPACE:
            spec = ModuleSpec(name, None, is_package=True)
        else:
            whole = entry[0] == PACKAGE
            spec = ModuleSpec(
                name, self, origin=f"{place}/__init__.py" if whole else f"{place}.py", is_package=whole
            )
            spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(place)
        return spec

    def create_module(self, spec):
        """An ordinary one."""
        return

    def exec_module(self, module):
        """Run its code."""
        exec(self.get_code(module.__spec__.name), module.__dict__)

    def get_code(self, name):
        """The code of a module, for those who look into modules too."""
        _, offset, length = self._table[name]
        packed = os.pread(self._file, length, self._start + offset)
        return marshal.loads(zlib.decompress(packed, bufsize=length))

    def is_package(self, name):
        """Whether it has modules in it."""
        return self._table[name][0] in (PACKAGE, NAMESPACE)

    def get_source(self, name):
        """None: sources stay at home."""
        return


def begin():
    """Put the finder before all others."""
    path, _, offset = sys._pyinstaller_pyz.rpartition("?")
    del sys._pyinstaller_pyz
    sys.meta_path.insert(0, Archive(path, int(offset), sys._MEIPASS))
    sys.frozen = True


begin()
