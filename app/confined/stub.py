"""The steps from a process of ours to the program: each takes something away, and the report says which held."""

import os
import sys

from app.confined import kernel, limits, namespaces, reach, who
from app.confined.order import Order, Report, program_path, read_order

_SHELL = "/bin/sh"
_INIT = '"$@"; exit $?'
"""A first process that reaps what others leave, passes no signal it does not get, and ends when the program ends."""


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
    drop = root and who.may_change_user(order, report)
    if not root:
        report.missed("user", "Sallyport is not root: the program has the same user")
    else:
        who.give_home(order, *((order.user, order.group) if drop else (0, 0)))
    separated, inner = _separate(order, report, drop=drop)
    namespaces.give_sockets(order.channel)
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
    who.unprivileged(order, report, drop=drop and os.geteuid() == 0)
    os.chdir(order.folder)
    program = _found(order)
    reach.files(order, report, program, separated=separated, inner=inner)
    reach.calls(order, report, separated=separated, inner=inner)
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


def _separate(order: Order, report: Report, *, drop: bool) -> tuple[bool, bool]:
    """Whether the host's network was left, and whether our next child is the first of its own processes."""
    if kernel.SYS_CLONE < 0:
        report.missed("processes", "this kind of machine is not known")
        return False, False
    alone = not order.network
    flags = namespaces.NEWNS | namespaces.NEWPID | namespaces.NEWIPC | (namespaces.NEWNET if alone else 0)
    try:
        if os.geteuid() == 0:
            try:
                namespaces.separate(flags, user=0, group=0)
                return alone, True
            except PermissionError:
                if not drop:
                    raise
                who.become_user(order)
        user, group = os.geteuid(), os.getegid()
        namespaces.rehearse(flags | namespaces.NEWUSER, user=user, group=group)
        namespaces.separate(flags | namespaces.NEWUSER, user=user, group=group)
    except OSError as error:
        report.missed("processes", f"namespaces cannot be made ({error.strerror})")
        return False, False
    return alone, True


def _own_view(order: Order, report: Report, *, separated: bool, inner: bool) -> None:
    """Mounts and loopback, and the death of the parent once more: a fork forgets it."""
    kernel.die_with_parent()
    report.reached("parent", "" if inner else "the program itself, not what it started")
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


def _found(order: Order) -> str:
    path = program_path(order)
    if not path or not os.path.exists(path):  # noqa: PTH110
        raise CannotStartError("No such file or directory")
    if os.path.isdir(path) or not os.access(path, os.X_OK):  # noqa: PTH112
        raise CannotStartError("Permission denied")
    return path


def _final(order: Order, report: Report) -> None:
    report.say(on=report.on, off=report.off)
    lacking = [name for name in order.required if name in report.off]
    if lacking:
        why = "; ".join(f"{name}: {report.off[name]}" for name in lacking)
        raise CannotStartError(f"the profile requires what this host does not give: {why}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
