"""What the program may reach: files by Landlock, system calls and kinds of sockets by seccomp."""

import os

from app.confined import landlock, seccomp
from app.confined.order import Order, Report

_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store",
    "/proc", "/sys/devices/system", "/sys/fs/cgroup", "/run/systemd/resolve",
)  # fmt: skip
_SETTINGS = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "debian_version", "fonts", "gai.conf",
    "group", "host.conf", "hostname", "hosts", "inputrc", "java", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
    "locale.alias", "locale.conf", "localtime", "login.defs", "magic", "mime.types", "nsswitch.conf", "os-release",
    "passwd", "pki", "profile", "protocols", "python3", "redhat-release", "resolv.conf", "services", "shells", "ssl",
    "terminfo", "timezone",
)  # fmt: skip
"""Of /etc. Together: what programs of any kind read, and no place where people or services keep their data."""
_LANDLOCK_WITH_PORTS = 4
_WIDE = ("", "/", "/home", "/root", "/tmp", "/var", "/var/tmp", "/srv", "/opt", "/etc")  # noqa: S108 - not granted


def files(order: Order, report: Report, program: str, *, separated: bool, inner: bool) -> None:
    """Restrict files, and signals and TCP where nothing else does."""
    abi = landlock.version()
    if not abi:
        for measure in ("files",) if inner else ("files", "signals"):
            report.missed(measure, "the kernel has no Landlock, or it is switched off")
        if inner:
            report.reached("signals", "own process namespace")
        return
    settings = [f"/etc/{name}" for name in _SETTINGS]
    read = [*_SYSTEM, *settings, *_around(program), order.folder, *order.read]
    tcp = order.network or separated
    landlock.restrict(abi, read=read, write=[order.home, *order.write], tcp=tcp, port=order.port)
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
        elif folder not in _WIDE and os.path.dirname(folder) != "/home":  # noqa: PTH120
            found.append(folder)
    return found


def calls(order: Order, report: Report, *, separated: bool, inner: bool) -> None:
    """Filter system calls; without a network namespace the filter is also what keeps it off the network."""
    machine = os.uname().machine
    if seccomp.supported(machine):
        internet = order.network or separated
        streams = bool(order.port) and not internet
        sockets = seccomp.families(unix=order.network, internet=internet or streams, streams=streams)
        try:
            seccomp.install(seccomp.program(machine, sockets=sockets, grouped=not inner, streams=streams))
            report.reached("syscalls", "seccomp")
            if not inner:
                report.reached("processes", f"held in one group: {report.off.pop('processes', '')}")
        except OSError as error:
            report.missed("syscalls", f"the kernel refuses a filter ({error.strerror})")
    else:
        report.missed("syscalls", f"the system calls of {machine} are not known")
    _network(order, report, separated=separated)


def _network(order: Order, report: Report, *, separated: bool) -> None:
    if order.network:
        report.missed("network", "the profile grants it")
    elif separated:
        report.reached("network", "own network namespace")
    elif "syscalls" not in report.on:
        report.missed("network", "neither a namespace nor a filter can be had")
    elif not order.port:
        report.reached("network", "no internet socket can be made")
    elif landlock.version() >= _LANDLOCK_WITH_PORTS:
        report.reached("network", f"TCP only, to serve port {order.port} and to connect nowhere")
    else:
        report.missed(
            "network", "it serves a port, and there is neither a namespace nor a Landlock that knows ports"
        )
