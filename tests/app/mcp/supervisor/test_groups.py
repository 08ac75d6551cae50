"""Control groups are used only where the part of the tree is ours alone; the files stand in for the kernel's."""

from pathlib import Path

from app.egress.sandbox import Limits
from app.mcp.supervisor.host.groups import delegated


def tree(folder: Path, *, processes: str) -> tuple[Path, Path]:
    """A mount with one service in it, and the file that names the service."""
    root = folder / "cgroup" / "system.slice" / "sallyport.service"
    root.mkdir(parents=True)
    (folder / "cgroup" / "cgroup.controllers").write_text("cpu memory pids")
    (root / "cgroup.controllers").write_text("memory pids")
    (root / "cgroup.procs").write_text(processes)
    (root / "cgroup.subtree_control").write_text("")
    own = folder / "own"
    own.write_text("1:name=systemd:/x\n0::/system.slice/sallyport.service\n")
    return root, own


def test_service_of_its_own_gets_groups_with_the_limits_that_are_there(tmp_path: Path) -> None:
    root, own = tree(tmp_path, processes="42\n")
    groups = delegated(pid=42, mounts=(tmp_path / "cgroup",), own=own)
    assert groups is not None
    assert (root / "main" / "cgroup.procs").read_text() == "42"
    (root / "mcp-sim").mkdir()
    for name in ("memory.max", "pids.max"):
        (root / "mcp-sim" / name).write_text("max")
    folder = Path(groups.make("sim", Limits(memory_mb=1, processes=7, cpu_percent=50)))
    assert (folder / "memory.max").read_text() == str(1024**2)
    assert (folder / "pids.max").read_text() == "7"
    assert not (folder / "cpu.max").exists()


def test_part_that_others_live_in_is_left_alone(tmp_path: Path) -> None:
    root, own = tree(tmp_path, processes="42\n43\n")
    assert delegated(pid=42, mounts=(tmp_path / "cgroup",), own=own) is None
    assert not (root / "main").exists()


def test_host_without_control_groups_has_none(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("1:name=systemd:/x\n")
    assert delegated(pid=42, mounts=(tmp_path,), own=own) is None


def test_counters_of_the_kernel_are_the_reason(tmp_path: Path) -> None:
    root, own = tree(tmp_path, processes="42\n")
    groups = delegated(pid=42, mounts=(tmp_path / "cgroup",), own=own)
    assert groups is not None
    folder = Path(groups.make("sim", Limits()))
    assert groups.killed("sim") == ""
    (folder / "pids.events").write_text("max 3\n")
    assert "limits.processes" in groups.killed("sim")
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n")
    assert "limits.memory_mb" in groups.killed("sim")
    assert root.exists()
