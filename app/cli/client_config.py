"""`client-config`: the settings that point a developer's client at this site."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from shlex import quote

import click
import msgspec

from app.cli.site import Output, json_option, site_options, site_profile
from app.config import Profile

PLACEHOLDER = "sp_YOUR_KEY"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What settings are made of; `authority` is empty when the client needs no private one."""

    url: str
    key: str
    authority: str
    models: Mapping[str, str]
    reports: bool = False
    discovery: bool = False

    def first(self, dialect: str) -> str:
        """The first model that speaks this dialect, or nothing."""
        return next((name for name, spoken in self.models.items() if spoken == dialect), "")


def _claude_code(facts: Facts) -> str:
    model = facts.first("anthropic")
    settings = {
        "ANTHROPIC_BASE_URL": facts.url,
        "ANTHROPIC_AUTH_TOKEN": facts.key,
        **(_DISCOVERY if facts.discovery else {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}),
        **({"ANTHROPIC_MODEL": model, "ANTHROPIC_DEFAULT_HAIKU_MODEL": model} if model else {}),
        **({"NODE_EXTRA_CA_CERTS": facts.authority} if facts.authority else {}),
        **(_reports(facts) if facts.reports else {}),
    }
    return _pretty({"env": settings})


_DISCOVERY = {
    # The single switches of CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC, which would turn discovery off as well.
    "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_BUG_COMMAND": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}


def _reports(facts: Facts) -> dict[str, str]:
    """Claude Code's reports come here too; the trace of its turn travels with its requests."""
    return {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "CLAUDE_CODE_PROPAGATE_TRACEPARENT": "1",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": facts.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer {facts.key}",
    }


def _codex(facts: Facts) -> str:
    model = facts.first("openai") or facts.first("anthropic")
    lines = [
        *([f"# export CODEX_CA_CERTIFICATE={quote(facts.authority)}"] if facts.authority else []),
        *([f"model = {_toml(model)}"] if model else []),
        'model_provider = "sallyport"',
        'web_search = "disabled"',
        "",
        "[model_providers.sallyport]",
        'name = "Sallyport"',
        f"base_url = {_toml(facts.url + '/v1')}",
        'env_key = "SALLYPORT_KEY"',
        'wire_api = "responses"',
        "supports_websockets = false",
    ]
    return "\n".join(lines)


def _openai(facts: Facts) -> str:
    settings = {"OPENAI_BASE_URL": f"{facts.url}/v1", "OPENAI_API_KEY": facts.key}
    return _shell(settings | _trust(facts))


def _anthropic(facts: Facts) -> str:
    settings = {"ANTHROPIC_BASE_URL": facts.url, "ANTHROPIC_API_KEY": facts.key}
    return _shell(settings | _trust(facts))


def _mcp(facts: Facts) -> str:
    headers = {"Authorization": f"Bearer {facts.key}"}
    server = {"type": "http", "url": f"{facts.url}/mcp", "headers": headers}
    return _pretty({"mcpServers": {"sallyport": server}})


def _vscode(facts: Facts) -> str:
    """Two files: servers of tools, and models of the OpenAI-compatible provider. The key is asked for, once."""
    asked = {"type": "promptString", "id": "sallyport-key", "description": "Sallyport key", "password": True}
    headers = {"Authorization": "Bearer ${input:sallyport-key}"}
    server = {"type": "http", "url": f"{facts.url}/mcp", "headers": headers}
    models = {
        name: {
            "name": name,
            "url": f"{facts.url}/v1/chat/completions",
            "requiresAPIKey": True,
            "toolCalling": True,
            "vision": False,
            "maxInputTokens": 100_000,
            "maxOutputTokens": 8_192,
        }
        for name in facts.models
    }
    files = {
        ".vscode/mcp.json": {"inputs": [asked], "servers": {"sallyport": server}},
        "settings.json": {"github.copilot.chat.customOAIModels": models},
    }
    return _pretty(files)


CLIENTS: Mapping[str, tuple[Callable[[Facts], str], str]] = {
    "claude-code": (_claude_code, "~/.claude/settings.json"),
    "codex": (_codex, "~/.codex/config.toml (the key stays in the environment variable SALLYPORT_KEY)"),
    "openai": (_openai, "the shell's environment, for the OpenAI SDKs"),
    "anthropic": (_anthropic, "the shell's environment, for the Anthropic SDKs"),
    "vscode": (_vscode, "the two files that are named; set the size of each model's window yourself"),
    "mcp": (_mcp, ".mcp.json, or the MCP settings of the client"),
}


@click.command("client-config")
@click.argument("client", type=click.Choice(list(CLIENTS)))
@click.option("--url", help="Base URL that clients use; default: from the profile.")
@click.option("--reports", is_flag=True, help="Claude Code also reports here what it does (OTLP).")
@click.option("--discovery", is_flag=True, help="Claude Code also asks here for its list of models.")
@site_options
@json_option
def client_config(
    client: str,
    url: str | None,
    data: Path | None,
    profile: Path | None,
    *,
    reports: bool,
    discovery: bool,
    as_json: bool,
) -> None:
    """Print the settings of CLIENT for this site.

    The key is taken from the environment variable SALLYPORT_KEY; without one a placeholder is printed.
    """
    loaded, folder = site_profile(data, profile)
    render, place = CLIENTS[client]
    authority = folder.absolute() / "tls" / "ca.pem"
    facts = Facts(
        url=(url or _base_url(loaded)).rstrip("/"),
        key=os.environ.get("SALLYPORT_KEY", PLACEHOLDER),
        authority=str(authority) if not loaded.listen.tls.certificate and authority.exists() else "",
        models={
            name: loaded.providers[model.provider].dialect
            for name, model in loaded.models.items()
            if model.provider in loaded.providers
        },
        reports=reports,
        discovery=discovery,
    )
    if as_json:
        Output(as_json=True).value({"client": client, "place": place, "settings": render(facts)})
        return
    click.echo(f"For {place}:", err=True)
    click.echo(render(facts))


def _base_url(profile: Profile) -> str:
    host, _, port = profile.listen.address.rpartition(":")
    scheme = "https" if profile.listen.plain_http == "never" else "http"
    return f"{scheme}://{profile.listen.names[0] if profile.listen.names else host}:{port}"


def _trust(facts: Facts) -> dict[str, str]:
    return (
        {"SSL_CERT_FILE": facts.authority, "NODE_EXTRA_CA_CERTS": facts.authority} if facts.authority else {}
    )


def _toml(value: str) -> str:
    return msgspec.json.encode(value).decode()


def _shell(settings: Mapping[str, str]) -> str:
    return "\n".join(f"export {name}={quote(value)}" for name, value in settings.items())


def _pretty(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
