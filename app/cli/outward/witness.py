"""`witness`: cosign the checkpoints of other sites, on another host than theirs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from app.config.schema import Listen


@click.command()
@click.option(
    "--listen", default="127.0.0.1:8444", show_default=True, help="HOST:PORT; port 0 takes a free one."
)
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for keys and memory.",
)
@click.option("--log", "logs", multiple=True, required=True, help="Verifier key of a log; repeat for more.")
@click.option("--name", default="", help="Name of the witness, at its first start.")
@click.option("--host-name", "names", multiple=True, help="Name or address that sites use for it; repeat.")
@click.option("--plain-http", is_flag=True, help="HTTP instead of HTTPS; on loopback only.")
@click.option("--certificate", default="", help="PEM file of its certificate; default: a local authority's.")
@click.option("--key", default="", help="PEM file of the certificate's private key.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def witness(data: Path, logs: tuple[str, ...], name: str, as_json: bool, **listening: Any) -> None:
    """Cosign checkpoints of logs that only grow; refuse a log that shows another past (c2sp.org/tlog-witness).

    Run it on a host that the operators of the site do not control, and name its URL and key in the site's profile
    under record.witnesses. Get the log's keys by `sallyport audit keys`.
    """
    import logging

    import msgspec

    from app.audit.tlog.note import parse_key
    from app.config.schema import Profile
    from app.core.clock import SystemClock
    from app.core.errors import ConfigError, ProofError
    from app.core.frozen import settle
    from app.egress import Connector, enforce
    from app.server.logs import configure_logs
    from app.server.process import run_guarded
    from app.server.serve import stop_event
    from app.server.witness import witnessing

    try:
        keys = [parse_key(text) for text in logs]
    except ProofError as error:
        raise ConfigError(f"--log: {error.message}", remedy="Copy it from `sallyport audit keys`.") from None
    profile = Profile()
    settings = _settings(**listening)
    configure_logs(profile.log)
    # Before anything makes a thread: what the kernel holds, it holds by thread. A witness connects to nothing.
    held = enforce(profile, ())
    logging.getLogger(__name__).info("the kernel refuses this process: %s", held.text)

    async def main(_: Connector) -> None:
        stop = stop_event()
        async with witnessing(settings, folder=data, logs=keys, name=name, clock=SystemClock()) as server:
            settle()
            shown = [str(key) for key in server.keys]
            if as_json:
                click.echo(msgspec.json.encode({"url": server.url, "keys": shown}))
            else:
                click.echo("\n".join([f"Cosigning at {server.url}/add-checkpoint as", *shown]))
            await stop.wait()

    run_guarded(profile, main, fast=True)


def _settings(
    *, listen: str, names: tuple[str, ...], plain_http: bool, certificate: str, key: str
) -> "Listen":
    """The listener of a witness."""
    from app.audit.tlog.note import MAX_BYTES
    from app.config.schema import Listen, Tls

    return Listen(
        address=listen,
        names=names,
        max_body_bytes=MAX_BYTES,
        plain_http="loopback" if plain_http else "never",
        tls=Tls(certificate=certificate, key=key),
        drain=5.0,
    )
