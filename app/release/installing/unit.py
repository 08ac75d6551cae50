"""The systemd units (systemd.exec(5)): the server, as tight as tool programs allow, and the judge of updates."""

from pathlib import Path

from app.release.programs import Installed

SETTLE = "sallyport-settle.service"

_HARDENING = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
UMask=0077
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @debug @module @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
# Tool programs are shut into namespaces and control groups of their own: these have to be left to the server.
RestrictNamespaces=user net ipc pid mnt
Delegate=yes
"""


def server_unit(prefix: Path, site: Installed) -> str:
    """The server's unit."""
    system = site.scope == "system"
    command = _command(f"{prefix}/current/sallyport", "serve", *site.options())
    lines = [
        "# Written by `sallyport install`; put changes into a drop-in (systemctl edit).",
        "[Unit]",
        "Description=Sallyport, the governance of AI requests and tool calls",
        "After=network-online.target local-fs.target",
        f"Wants=network-online.target {SETTLE}",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=notify",
        f"ExecStart={command}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Restart=on-failure",
        "RestartSec=2",
        "TimeoutStartSec=30min",
        "TimeoutStopSec=90",
        "LimitNOFILE=65536",
        "LimitCORE=0",
    ]
    if system:
        lines += [f"User={site.user}", *_writable(site), *_HARDENING.splitlines()]
    lines += ["", "[Install]", f"WantedBy={'multi-user' if system else 'default'}.target", ""]
    return "\n".join(lines)


def settle_unit(prefix: Path) -> str:
    """The unit that judges an update whose own process is gone, by the program of the release before."""
    return "\n".join(
        [
            "# Written by `sallyport install`.",
            "[Unit]",
            "Description=Judge an update of Sallyport that is not settled",
            f"ConditionPathExists={prefix}/state/pending.json",
            "After=sallyport.service",
            "",
            "[Service]",
            "Type=oneshot",
            f"ExecStart={_command(f'{prefix}/previous/sallyport', 'update', 'settle', '--prefix', str(prefix))}",
            "TimeoutStartSec=infinity",
            "",
        ]
    )


def _writable(site: Installed) -> list[str]:
    """Where the server may write: its data folder, and nothing else."""
    folder = Path(site.data)
    if folder.parent == Path("/var/lib"):
        return [f"StateDirectory={folder.name}", "StateDirectoryMode=0711"]
    return [f"ReadWritePaths={_quoted(site.data)}"]


def _command(program: str, *words: str) -> str:
    """A command line of a unit file: variables are expanded in the words, but not in the program's path."""
    return " ".join([_quoted(program), *(_quoted(word.replace("$", "$$")) for word in words)])


def _quoted(word: str) -> str:
    """One word of a unit file, in which percent signs stand for themselves."""
    plain = word.replace("%", "%%")
    return (
        plain
        if not set(plain) & set(" \t\"'\\;")
        else '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )
