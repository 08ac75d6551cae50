"""The root command: finds the others by name, and turns failures into sentences and exit codes."""

import importlib
import sys
from collections.abc import Mapping
from typing import Any

import click

from app import __version__
from app.core.errors import (
    ConfigError,
    DatabaseError,
    InputError,
    NotFoundError,
    RecordUnavailableError,
    SallyportError,
)

# name -> (where, one line). The line stands here so that `--help` imports nothing.
COMMANDS = {
    "serve": ("app.cli.serve:serve", "Serve a site."),
    "demo": ("app.cli.demo:demo", "Show everything: no database, no key, no network needed."),
    "config": ("app.cli.config:config", "Check, show and explain the profile."),
    "audit": ("app.cli.audit:audit", "Read, seal, export and verify the record."),
    "sink": ("app.cli.outward.sinks:sink", "Forward the record: see, test, pause and replay sinks."),
    "witness": ("app.cli.outward.witness:witness", "Cosign the checkpoints of another site's record."),
    "policy": ("app.cli.policy:policy", "Write, test and apply policies."),
    "user": ("app.cli.identity:user", "Manage users."),
    "group": ("app.cli.identity:group", "Manage groups."),
    "role": ("app.cli.identity:role", "Manage roles."),
    "service": ("app.cli.identity:service", "Manage service accounts."),
    "key": ("app.cli.identity:key", "Manage API keys."),
    "secret": ("app.cli.secret:secret", "Manage secrets of tool servers and providers."),
    "mcp": ("app.cli.mcp:mcp", "See and try tool servers."),
    "egress": (
        "app.cli.egress:egress",
        "Show where this site may connect to, and check that nothing else leaves.",
    ),
    "client-config": (
        "app.cli.client_config:client_config",
        "Print the settings that point a client at this site.",
    ),
    "status": ("app.cli.status:status", "Say how this site is: serving, sealed, backed up?"),
    "doctor": ("app.cli.doctor:doctor", "Check this host and this site, with remedies."),
    "database": ("app.cli.database:database", "Keep apart who owns, writes, seals and reads the record."),
    "backup": ("app.cli.backup:backup", "Write the whole site into one encrypted file."),
    "restore": ("app.cli.backup:restore", "Bring a site back from a backup."),
    "migrate": ("app.cli.migrate:migrate", "Bring the database's schema up to date."),
    "install": ("app.cli.release.install:install", "Install this file into a folder of its own."),
    "uninstall": ("app.cli.release.install:uninstall", "Take an installation away."),
    "update": ("app.cli.release.update:update", "Update this file or its data from a signed medium."),
    "release": ("app.cli.release.making:release", "Make and sign media of releases and data."),
    "help": ("app.cli.file.manual:manual", "Read the manual."),
    "completion": ("app.cli.file.completion:completion", "Print shell completion."),
    "version": ("app.cli.file.about:version", "Print the version."),
    "licenses": ("app.cli.file.about:licenses", "List licences of what is inside."),
    "sbom": ("app.cli.file.about:sbom", "Print the bill of materials."),
    "provenance": ("app.cli.file.about:provenance", "Print from what and how this file was built."),
    "selftest": ("app.cli.file.about:selftest", "Check that every part of this file is there."),
}
HIDDEN = {"sample-mcp": "app.cli.demo:sample_mcp"}

EXIT_FAILED, EXIT_USAGE, EXIT_NOT_FOUND, EXIT_UNAVAILABLE = 1, 2, 3, 4


class Late(click.Group):
    """Imports a command when it is named; `where` says from where, as MODULE:FUNCTION, by name."""

    def __init__(self, *arguments: Any, where: Mapping[str, str], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.where = where

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return sorted(self.where)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in self.where:
            return None
        module, _, attribute = self.where[cmd_name].partition(":")
        return getattr(importlib.import_module(module), attribute)


class Commands(click.Group):
    """Imports a command when it is named, and none to list them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All public names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        where = COMMANDS[cmd_name][0] if cmd_name in COMMANDS else HIDDEN.get(cmd_name)
        if where is None:
            return None
        module, _, attribute = where.partition(":")
        return getattr(importlib.import_module(module), attribute)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The named command, or a usage error that says what may have been meant."""
        if args and args[0] not in COMMANDS and args[0] not in HIDDEN and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"Did you mean {near[0]}?" if near else "See `sallyport --help`."
            raise click.UsageError(f"There is no command {args[0]!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Name and line of each, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="sallyport %(version)s")
def sallyport() -> None:
    """Sallyport governs every AI request and tool call of a site, and records each before it happens."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command line; the exit code says how it ended."""
    try:
        result = sallyport.main(args=arguments, prog_name="sallyport", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.Abort:
        return _fail("Interrupted.", EXIT_FAILED)
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except SallyportError as error:
        return _fail(str(error), exit_code(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough.
        sys.stderr.close()
        return 0
    except (OSError, RuntimeError) as error:
        return _fail(_of_the_system(error), EXIT_FAILED)


def exit_code(error: SallyportError) -> int:
    """The code scripts can rely on."""
    if isinstance(error, ConfigError | InputError):
        return EXIT_USAGE
    if isinstance(error, NotFoundError):
        return EXIT_NOT_FOUND
    if isinstance(error, DatabaseError):
        return EXIT_USAGE
    if isinstance(error, RecordUnavailableError):
        return EXIT_UNAVAILABLE
    return EXIT_FAILED


def _of_the_system(error: OSError | RuntimeError) -> str:
    """What the host refused; any other error is a mistake of ours, and goes on."""
    if isinstance(error, OSError):
        return f"{error.filename or 'The system'}: {error.strerror or error}."
    if "can't start new thread" not in str(error):
        raise error
    return (
        "This user may start no more processes or threads. "
        "Raise the limit (ulimit -u; systemd: LimitNPROC=, TasksMax=)."
    )


def _fail(message: str, code: int) -> int:
    click.echo(f"sallyport: {message}", err=True)
    return code
