"""The section `clients`: what developers' clients are given and what they may report."""

from typing import Annotated, Any

from msgspec import Meta

from app.config.section import Name, Positive, Section


class ManagedSettings(Section, frozen=True):
    """A part of the settings that Claude Code is given, for everybody or for some; later ones add to earlier ones."""

    file: Annotated[
        str, Meta(description="JSON file in the form of managed-settings.json, relative to the data folder")
    ] = ""
    values: Annotated[dict[str, Any], Meta(description="the same, written here")] = {}
    roles: Annotated[tuple[str, ...], Meta(description="only for these roles")] = ()
    groups: Annotated[tuple[str, ...], Meta(description="only for these groups")] = ()


class Telemetry(Section, frozen=True):
    """What clients report about themselves (OTLP over HTTP)."""

    max_body_bytes: Annotated[Positive, Meta(description="largest report, decompressed")] = 1024 * 1024
    per_minute: Annotated[Positive, Meta(description="reports that one principal may send in a minute")] = 120


class Clients(Section, frozen=True):
    """Clients of developers, beside their AI requests."""

    settings: Annotated[
        dict[Name, ManagedSettings], Meta(description="managed settings of Claude Code, by a name of yours")
    ] = {}
    telemetry: Annotated[Telemetry, Meta(description="reports of clients")] = Telemetry()
