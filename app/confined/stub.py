"""The steps from a process of ours to the program: each takes something away, and the report says which held."""

import os
import sys

from app.confined import kernel, landlock, limits, namespaces, seccomp
from app.confined.order import Order, Report, read_order

_SHELL = "/bin/sh"
_INIT = '"$@"; exit $?'
"""A first process that reaps what others leave, passes no signal it does not get, and ends when the program ends."""
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix/store", "/gnu/store",
    "/proc", "/sys/devices/system", "/sys/fs/cgroup", "/run/systemd/resolve",
)  # fmt: skip
"""What programs of any kind read; no place where people or services keep their data."""


class CannotStartError(Exception):
    """The program must not or cannot be started; the text says why."""


def main(words: list[str]) -> int:
    """Become the program; the report pipe closes when that worked, and holds an error when not."""
    order, report = read_order(int(words[0])), Report(int(words[1]))
    os.set_inheritable(report.descriptor, False)
    try:
        _follow(order, report)
    except BrokenPipeError:
        return 71  # nobody waits for us: Sallyport ended
    except (OSError, CannotStartError) as error:
        where = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
        report.say(error=(getattr(error, "strerror", None) or str(error)) + where)
    return 70


def _follow(order: Order, report: Report) -> None:
    kernel.die_with_parent()
    if os.getppid() != order.parent:
        raise BrokenPipeError
    os.umask(0o077)
    report.reached("descriptors")
    _join_group(order, report)
    root = os.geteuid() == 0
    drop = root and _may_change_user(order, report)
    if root:
        _give_home(order, *((order.user, order.group) if drop else (0, 0)))
    separated, inner = _separate(order, report, drop=drop)
    if inner:
        pid = kernel.fork_beside()
        if pid:
            report.say(pid=pid)
            os._exit(0)
    else:
        report.say(pid=os.getpid())
    os.setsid()
    report.reached("group")
    _own_view(order, report, separated=separated, inner=inner)
    _limit(order, report, counted=not root or drop)
    _unprivileged(order, report, drop=drop and os.geteuid() == 0)
    os.chdir(order.folder)
    program = _found(order)
    _files(order, report, program, separated=separated, inner=inner)
    _calls(order, report, separated=separated)
    _final(order, report)
    command = [program, *order.command[1:]]
    if inner and os.access(_SHELL, os.X_OK):
        command = [_SHELL, "-c", _INIT, "sh", *command]
    os.execve(command[0], command, order.environment)  # noqa: S606 - no shell reads the arguments


def _join_group(order: Order, report: Report) -> None:
    if not order.cgroup:
        report.missed("cgroup", "no control group is delegated to Sallyport")
        return
    try:
        limits.join(order.cgroup)
        report.reached("cgroup", order.cgroup)
    except OSError as error:
        report.missed("cgroup", f"{order.cgroup}: {error.strerror}")


def _may_change_user(order: Order, report: Report) -> bool:
    """Whether the program's own user could reach what it needs; asked as that user."""
    if order.user <= 0:
        report.missed("user", "the profile says root")
        return False
    try:
        os.setegid(order.group)
        os.seteuid(order.user)
    except OSError as error:
        os.seteuid(0)
        os.setegid(0)
        report.missed("user", f"user {order.user} cannot be taken ({error.strerror})")
        return False
    unreachable = ""
    above = os.path.dirname(order.home)  # noqa: PTH120 - pathlib is slow to import
    for path in (above, *([order.folder] if order.folder != order.home else []), _program(order)):
        if path and not os.access(path, os.X_OK, effective_ids=True):
            unreachable = path
            break
    os.seteuid(0)
    os.setegid(0)
    if unreachable:
        report.missed("user", f"user {order.user} cannot reach {unreachable}")
        return False
    return True


def _give_home(order: Order, user: int, group: int) -> None:
    """The private folder belongs to whom the program runs as, also when that changed since the last start."""
    if os.lstat(order.home).st_uid == user:
        return
    for folder, _, files in os.walk(order.home):
        for path in (folder, *(f"{folder}/{name}" for name in files)):
            os.chown(path, user, group, follow_symlinks=False)


def _become_user(order: Order) -> None:
    os.setgroups([])
    os.setresgid(order.group, order.group, order.group)
    os.setresuid(order.user, order.user, order.user)
    kernel.prctl(kernel.DUMPABLE, 1)  # else our own /proc entries belong to root, and exec sets it anyway
    kernel.die_with_parent()


def _separate(order: Order, report: Report, *, drop: bool) -> tuple[bool, bool]:
    """Whether the host's network was left, and whether our next child is the first of its own processes."""
    if kernel.SYS_CLONE < 0:
        report.missed("processes", "this kind of machine is not known")
        return False, False
    alone = not order.network and not order.port
    flags = namespaces.NEWNS | namespaces.NEWPID | namespaces.NEWIPC | (namespaces.NEWNET if alone else 0)
    try:
        if os.geteuid() == 0:
            try:
                namespaces.separate(flags, user=0, group=0)
                return alone, True
            except PermissionError:
                if not drop:
                    raise
                _become_user(order)
        user, group = os.geteuid(), os.getegid()
        namespaces.separate(flags | namespaces.NEWUSER, user=user, group=group)
    except OSError as error:
        report.missed("processes", f"namespaces cannot be made ({error.strerror})")
        return False, False
    return alone, True


def _own_view(order: Order, report: Report, *, separated: bool, inner: bool) -> None:
    """Mounts and loopback, and the death of the parent once more: a fork forgets it."""
    kernel.die_with_parent()
    report.reached("parent")
    if separated:
        namespaces.loopback_up()
    if not inner:
        report.missed("hidden", "there are no own mounts")
        return
    report.reached("processes", "own process and IPC namespace")
    try:
        namespaces.own_mounts()
        if order.hide:
            namespaces.hide(order.hide, but=[order.home, *order.read, *order.write])
        namespaces.own_proc()
        report.reached("hidden", "the data folder and other processes")
    except OSError as error:
        report.missed("hidden", f"mounts are refused ({error.strerror})")


def _limit(order: Order, report: Report, *, counted: bool) -> None:
    wanted = dict(order.limits)
    if not counted:
        wanted.pop("nproc", None)
    limits.apply(wanted)
    if counted:
        report.reached("limits")
    else:
        report.missed("limits", "the number of processes is not limited for root")


def _unprivileged(order: Order, report: Report, *, drop: bool) -> None:
    kernel.drop_bounding_set()
    if drop:
        _become_user(order)
    if os.geteuid() != 0:
        report.reached("user", str(os.geteuid()))
    kernel.drop_capabilities()
    kernel.prctl(kernel.NO_NEW_PRIVS, 1)
    report.reached("privileges")


def _program(order: Order) -> str:
    """Where the command is, as a shell would find it; empty when it is nowhere."""
    name = order.command[0]
    if "/" in name:
        return os.path.join(order.folder, name)  # noqa: PTH118 - pathlib is slow to import
    for folder in order.environment.get("PATH", "").split(":"):
        path = os.path.join(folder, name)  # noqa: PTH118
        if folder and os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112
            return path
    return ""


def _found(order: Order) -> str:
    path = _program(order)
    if not path or not os.path.exists(path):  # noqa: PTH110
        raise CannotStartError("No such file or directory")
    if os.path.isdir(path) or not os.access(path, os.X_OK):  # noqa: PTH112
        raise CannotStartError("Permission denied")
    return path


def _files(order: Order, report: Report, program: str, *, separated: bool, inner: bool) -> None:
    abi = landlock.version()
    if not abi:
        for measure in ("files",) if inner else ("files", "signals"):
            report.missed(measure, "the kernel has no Landlock, or it is switched off")
        if inner:
            report.reached("signals", "own process namespace")
        return
    ports = None if order.network or separated else [order.port] if order.port else []
    read = [*_SYSTEM, *_around(program), order.folder, *order.read]
    landlock.restrict(abi, read=read, write=[order.home, *order.write], tcp_ports=ports)
    report.reached("files", f"Landlock {abi}")
    if inner or abi >= 6:
        report.reached("signals", "own process namespace" if inner else "Landlock")
    else:
        report.missed("signals", "the kernel's Landlock is older than version 6")


def _around(program: str) -> list[str]:
    """The program and the libraries beside it; both ends of a link, as in a virtual environment."""
    found = []
    for path in {program, os.path.realpath(program)}:
        folder = os.path.dirname(path)  # noqa: PTH120
        found += [path, f"{folder}/_internal"]
        if folder.endswith("/bin"):
            around = folder.removesuffix("/bin")
            found += [f"{around}/{name}" for name in ("bin", "lib", "lib64", "libexec", "pyvenv.cfg")]
    return found


def _calls(order: Order, report: Report, *, separated: bool) -> None:
    machine = os.uname().machine
    if not seccomp.supported(machine):
        report.missed("syscalls", f"the system calls of {machine} are not known")
    else:
        # Without a namespace the filter is what keeps it off the network.
        sockets = seccomp.families(unix=order.network, internet=order.network or separated or order.port > 0)
        try:
            seccomp.install(
                seccomp.program(machine, sockets=sockets, datagrams=not order.port or order.network)
            )
            report.reached("syscalls", "seccomp")
        except OSError as error:
            report.missed("syscalls", f"the kernel refuses a filter ({error.strerror})")
    if order.network:
        report.missed("network", "the profile grants it")
    elif separated:
        report.reached("network", "own network namespace")
    elif "syscalls" not in report.on:
        report.missed("network", "neither a namespace nor a filter can be had")
    elif not order.port:
        report.reached("network", "no internet socket can be made")
    elif landlock.version() >= 4:
        report.reached("network", f"may only listen on port {order.port}")
    else:
        report.missed("network", f"listening on port {order.port} needs Landlock 4 to be held to it")


def _final(order: Order, report: Report) -> None:
    report.say(on=report.on, off=report.off)
    lacking = [name for name in order.required if name in report.off]
    if lacking:
        why = "; ".join(f"{name}: {report.off[name]}" for name in lacking)
        raise CannotStartError(f"the profile requires what this host does not give: {why}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
