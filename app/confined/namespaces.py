"""A network, processes, IPC and mounts of one's own (namespaces(7), user_namespaces(7)), made while it is allowed."""

import fcntl
import os
import socket
import struct

from app.confined import kernel

NEWNS, NEWUSER, NEWIPC, NEWPID, NEWNET = 0x20000, 0x10000000, 0x8000000, 0x20000000, 0x40000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
SOCKETS = 32
"""Of each family: how many connections to one program can be open at once."""


def separate(flags: int, *, user: int, group: int) -> None:
    """Leave the host's namespaces; with NEWUSER in `flags`, the same numbers mean the same user inside."""
    kernel.unshare(flags)
    if flags & NEWUSER:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY | os.O_CLOEXEC)
            os.write(descriptor, text.encode())
            os.close(descriptor)


def rehearse(flags: int, *, user: int, group: int) -> None:
    """The same in a child: a host may allow the one half and refuse the other, and there is no way back from half."""
    pid = os.fork()
    if not pid:
        try:
            separate(flags, user=user, group=group)
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(abs(code), os.strerror(abs(code)))


def loopback_up() -> None:
    """A network namespace's own loopback, for programs that talk to themselves."""
    # Not a datagram socket: Sallyport may have denied itself those, and us with it.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        fcntl.ioctl(probe, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


def give_sockets(channel: int) -> None:
    """Send TCP sockets of this network to whoever is to reach the program in it: a socket stays where it was made."""
    if channel < 0:
        return
    with socket.socket(fileno=channel) as outside:
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                made = [socket.socket(family) for _ in range(SOCKETS)]
            except OSError:
                continue  # a host without this family
            socket.send_fds(outside, [bytes([family])], [one.fileno() for one in made])
            for one in made:
                one.close()


def own_mounts() -> None:
    """Nothing that is mounted from here on is seen outside."""
    kernel.mount("none", "/", "", _REC | _PRIVATE)


def own_proc() -> None:
    """Show only our own processes."""
    kernel.mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)


def hide(folder: str, *, but: list[str]) -> None:
    """Cover a folder with an empty one in which only these paths are seen again."""
    kept = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in _inside(folder, but)]
    kernel.mount("none", folder, "tmpfs", _NOSUID | _NODEV, "mode=0755,size=64k")
    before = os.umask(0o022)
    for path, descriptor in kept:
        source = f"/proc/self/fd/{descriptor}"
        if os.path.isdir(source):  # noqa: PTH112 - pathlib is slow to import
            os.makedirs(path, exist_ok=True)  # noqa: PTH103
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        kernel.mount(source, path, "", _BIND | _REC)
        os.close(descriptor)
    os.umask(before)
    kernel.mount("none", folder, "", _REMOUNT | _RDONLY | _NOSUID | _NODEV)


def _inside(folder: str, paths: list[str]) -> list[str]:
    """Those of the paths that lie in the folder and exist, outer ones first."""
    found = {os.path.realpath(path) for path in paths}
    inner = sorted(path for path in found if path.startswith(folder + "/") and os.path.exists(path))  # noqa: PTH110
    return [path for path in inner if not any(path.startswith(outer + "/") for outer in inner)]
