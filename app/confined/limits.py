"""How much a program may take: rlimits (setrlimit(2)) and the control group made for it (cgroups(7))."""

import os
import resource

_NAMES = {
    "as": resource.RLIMIT_AS,
    "data": resource.RLIMIT_DATA,
    "nofile": resource.RLIMIT_NOFILE,
    "nproc": resource.RLIMIT_NPROC,
    "fsize": resource.RLIMIT_FSIZE,
    "core": resource.RLIMIT_CORE,
    "cpu": resource.RLIMIT_CPU,
}


def apply(limits: dict[str, int]) -> None:
    """Set each as soft and hard limit, never above what already holds."""
    for name, value in limits.items():
        _, hard = resource.getrlimit(_NAMES[name])
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(_NAMES[name], (most, most))


def join(cgroup: str) -> None:
    """Go into the control group, with everything that comes from us."""
    descriptor = os.open(os.path.join(cgroup, "cgroup.procs"), os.O_WRONLY | os.O_CLOEXEC)  # noqa: PTH118 - pathlib is slow to import
    try:
        os.write(descriptor, b"0")
    finally:
        os.close(descriptor)
