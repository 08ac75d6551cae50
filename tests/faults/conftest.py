"""A site on a PostgreSQL of its own that a test may hurt."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from psycopg.conninfo import make_conninfo

from tests.cluster import Cluster, cluster
from tests.faults.verifying import unsealed
from tests.fix_process import Process, Program, Provider, until


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A server process, its database, its provider and a developer's key."""

    cluster: Cluster
    provider: Provider
    program: Program
    process: Process
    key: str

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.process.url


class Seed(msgspec.Struct, frozen=True):
    """A database with a developer's key in it, to be cloned, and the data folder that has the key of its log."""

    database: str
    key: str
    data: Path

    def lend(self, data: Path) -> None:
        """Let another data folder seal the clones."""
        shutil.copytree(self.data / "keys" / "record", data / "keys" / "record")
        for folder in (data, data / "keys"):
            folder.chmod(0o700)


@pytest.fixture(scope="session")
def fragile() -> Iterator[Cluster]:
    """The PostgreSQL of all faults; each test leaves it running."""
    given = os.environ.get("SALLYPORT_TEST_POSTGRES")
    with cluster(Path(given) if given else None) as made:
        yield made


@pytest.fixture(scope="session")
def seed(fragile: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Seed:
    """Made once on the command line."""
    name = fragile.new_database()
    program = Program(tmp_path_factory.mktemp("seed"), database=make_conninfo(fragile.url, dbname=name))
    key = program.key()
    with program.serving():  # the first start applies the starter policy, and the log begins
        until(lambda: not unsealed(program))
    return Seed(name, key, program.folder / "data")


@pytest.fixture
def site(fragile: Cluster, seed: Seed, tmp_path: Path) -> Iterator[Site]:
    """Serving, ready."""
    with Provider() as provider:
        url = make_conninfo(fragile.url, dbname=fragile.new_database(seed.database))
        program = Program(tmp_path, database=url, provider=provider.url)
        seed.lend(tmp_path / "data")
        with program.serving() as process:
            yield Site(cluster=fragile, provider=provider, program=program, process=process, key=seed.key)
