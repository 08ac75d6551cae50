"""Who the program runs as: a user of its own where it can reach what it needs, and no capability in any case."""

import os

from app.confined import kernel
from app.confined.order import Order, Report, program_path


def may_change_user(order: Order, report: Report) -> bool:
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
    for path in (above, *([order.folder] if order.folder != order.home else []), program_path(order)):
        if path and not os.access(path, os.X_OK, effective_ids=True):
            unreachable = path
            break
    os.seteuid(0)
    os.setegid(0)
    if unreachable:
        report.missed("user", f"user {order.user} cannot reach {unreachable}")
        return False
    return True


def give_home(order: Order, user: int, group: int) -> None:
    """The private folder belongs to whom the program runs as, also when that changed since the last start."""
    if os.lstat(order.home).st_uid == user:
        return
    for folder, _, files in os.walk(order.home):
        for path in (folder, *(f"{folder}/{name}" for name in files)):
            os.chown(path, user, group, follow_symlinks=False)


def become_user(order: Order) -> None:
    """For good, and without what a later program could gain."""
    kernel.drop_bounding_set()
    os.setgroups([])
    os.setresgid(order.group, order.group, order.group)
    os.setresuid(order.user, order.user, order.user)
    kernel.prctl(kernel.DUMPABLE, 1)  # else our own /proc entries belong to root, and exec sets it anyway
    kernel.die_with_parent()


def unprivileged(order: Order, report: Report, *, drop: bool) -> None:
    """Nothing that it executes can give it any power back."""
    kernel.drop_bounding_set()
    if drop:
        become_user(order)
    if "user" not in report.off:
        report.reached("user", str(os.geteuid()))
    kernel.drop_capabilities()
    kernel.prctl(kernel.NO_NEW_PRIVS, 1)
    report.reached("privileges")
