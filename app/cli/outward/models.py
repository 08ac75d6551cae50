"""`models list|status|test`: where models go by the profile, how it is there now, and a look at the providers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from app.cli.site import Output, json_option, site_options, site_profile
from app.core.errors import NotFoundError, SallyportError
from app.server.host.asking import Ask, Told, asked

_NOT_RUNNING = "No server runs for this data folder."
Columns = dict[str, Callable[[Any], object]]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A place of a model by the profile."""

    model: str
    aliases: list[str]
    provider: str
    upstream: str
    weight: int
    labels: list[str]
    requires: list[str]
    fallbacks: list[str]
    routes: list[str]


@click.group()
def models() -> None:
    """See the models, where they go and how it is there."""


@models.command(name="list")
@site_options
@json_option
def list_models(data: Path | None, profile: Path | None, as_json: bool) -> None:
    """Show the models of the profile and where they go."""
    loaded, _ = site_profile(data, profile)
    lines = []
    for name, model in loaded.models.items():
        shared = {
            "model": name,
            "aliases": list(model.aliases),
            "requires": list(model.requires),
            "fallbacks": list(model.fallbacks),
            "routes": [branch.to for branch in model.routes],
        }
        for place in model.places():
            labels = list(loaded.providers[place.provider].labels)
            lines.append(
                Line(
                    provider=place.provider,
                    upstream=place.upstream or name,
                    weight=place.weight,
                    labels=labels,
                    **shared,
                )
            )
        if not model.places():
            lines.append(Line(provider="", upstream="", weight=0, labels=[], **shared))
    columns: Columns = {
        "model": lambda line: ", ".join((line.model, *line.aliases)),
        "provider": lambda line: line.provider,
        "there called": lambda line: line.upstream,
        "weight": lambda line: line.weight if line.provider else "",
        "labels": lambda line: ", ".join(line.labels),
        "requires": lambda line: ", ".join(line.requires),
        "routes to": lambda line: ", ".join(line.routes),
        "falls back to": lambda line: ", ".join(line.fallbacks),
    }
    Output(as_json=as_json).table(lines, columns)


@models.command()
@site_options
@json_option
def status(data: Path | None, profile: Path | None, as_json: bool) -> None:
    """Show how each place is, as the running server sees it."""
    told = _asked(data, profile, Ask(ask="models"))
    output = Output(as_json=as_json)
    if told is None:
        output.value([], _NOT_RUNNING)
        return
    columns: Columns = {
        "model": lambda row: row["name"],
        "provider": lambda row: row["provider"],
        "there called": lambda row: row["upstream_model"],
        "circuit": lambda row: row["state"],
        "calls": lambda row: row["calls"],
        "failed": lambda row: row["failures"],
        "running": lambda row: row["running"],
        "left alone": lambda row: f"{row['seconds']:.0f} s: {row['why']}" if row["why"] else "",
        "last failure": lambda row: row["last_failure"][:80],
    }
    output.table(told.models, columns)


@models.command()
@click.argument("name", required=False, default="")
@site_options
@json_option
@click.pass_context
def test(ctx: click.Context, data: Path | None, profile: Path | None, as_json: bool, name: str) -> None:
    """Let the running server ask the provider NAME, that of the model NAME, or all, for its list of models."""
    loaded, _ = site_profile(data, profile)
    if name in loaded.models:
        names = list(dict.fromkeys(place.provider for place in loaded.models[name].places()))
    else:
        names = [name] if name else list(loaded.providers)
    if name and name not in loaded.models and name not in loaded.providers:
        raise NotFoundError(f"There is no provider or model {name!r}.", remedy="See `sallyport models list`.")
    looks = []
    for one in names:
        told = _asked(data, profile, Ask(ask="look", name=one))
        if told is None:
            raise SallyportError(_NOT_RUNNING, remedy="Start it by `sallyport serve`.")
        looks += told.looks
    columns: Columns = {
        "provider": lambda look: look["name"],
        "": lambda look: "well" if look["ok"] else "FAILED",
        "ms": lambda look: look["milliseconds"],
        "found": lambda look: look["found"],
        "not listed": lambda look: ", ".join(look["missing"]),
    }
    Output(as_json=as_json).table(looks, columns)
    if not all(look["ok"] for look in looks):
        ctx.exit(1)


def _asked(data: Path | None, profile: Path | None, request: Ask) -> Told | None:
    """None when no server runs for the data folder."""
    _, folder = site_profile(data, profile)
    return asked(folder, request)
