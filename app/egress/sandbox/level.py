"""How far a program was confined: each measure on or off, and what to do about one that is off."""

import msgspec

_REMEDIES = {
    "user": "Start Sallyport as root and put the program where every user can reach it, such as /opt.",
    "files": "Use a kernel of 5.13 or newer with landlock in its lsm= list.",
    "network": "Set user.max_user_namespaces above 0, or let the container have CAP_SYS_ADMIN.",
    "processes": "Set user.max_user_namespaces above 0, or let the container have CAP_SYS_ADMIN.",
    "hidden": "Set user.max_user_namespaces above 0; in a container, leave /proc unmasked.",
    "signals": "Set user.max_user_namespaces above 0, or use a kernel of 6.12 or newer.",
    "syscalls": "Use a kernel with CONFIG_SECCOMP_FILTER.",
    "limits": "Put the program where every user can reach it, so that it need not run as root.",
    "cgroup": "Set Delegate=yes in the systemd unit.",
}
_ESSENTIAL = (
    "privileges",
    "parent",
    "limits",
    "files",
    "network",
    "processes",
    "hidden",
    "signals",
    "syscalls",
)


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A measure that does not hold."""

    measure: str
    why: str
    remedy: str


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """What one spawn reached: measure to how, and measure to why not."""

    on: dict[str, str] = {}
    off: dict[str, str] = {}

    @property
    def missing(self) -> list[Missing]:
        """What is off, with its remedy; nothing that the profile itself grants."""
        return [
            Missing(measure=name, why=why, remedy=_REMEDIES.get(name, ""))
            for name, why in self.off.items()
            if not why.startswith("the profile")
        ]

    @property
    def text(self) -> str:
        """One word for a table: full, or what is missing of the essential measures."""
        lacking = [one.measure for one in self.missing if one.measure in _ESSENTIAL]
        return "full" if not lacking else "without " + ", ".join(lacking)


def essential(*, network: bool) -> list[str]:
    """The measures that `required` insists on."""
    return [name for name in _ESSENTIAL if not (network and name == "network")]
