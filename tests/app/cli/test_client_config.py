"""Settings for clients."""

import json
import tomllib
from pathlib import Path

import pytest

from tests.fix_command import Command

PROFILE = """
listen: {address: "10.0.0.9:8443", names: [sallyport.site]}
providers: {ant: {dialect: anthropic, url: "http://10.0.0.5:1"}, oai: {dialect: openai, url: "http://10.0.0.5:2/v1"}}
models: {gpt: {provider: oai, price: local}, claude-on-site: {provider: ant, price: local}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "profile.yaml").write_text(PROFILE)
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ca.pem").write_text("")
    return tmp_path


def test_claude_code_gets_base_url_token_model_and_authority(command: Command, site: Path):
    printed = command("client-config", "claude-code", "--data", str(site))
    settings = json.loads(printed.out)["env"]
    assert settings["ANTHROPIC_BASE_URL"] == "https://sallyport.site:8443"
    assert settings["ANTHROPIC_MODEL"] == "claude-on-site"
    assert settings["NODE_EXTRA_CA_CERTS"] == str(site / "tls" / "ca.pem")
    assert settings["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "1"


def test_sdks_get_their_environment_and_mcp_clients_their_server(command: Command, site: Path):
    given = ("--data", str(site), "--url", "https://gate.site/")
    openai = command("client-config", "openai", *given)
    assert "export OPENAI_BASE_URL=https://gate.site/v1\n" in openai.out
    assert (
        "export ANTHROPIC_BASE_URL=https://gate.site\n" in command("client-config", "anthropic", *given).out
    )
    server = json.loads(command("client-config", "mcp", *given).out)["mcpServers"]["sallyport"]
    assert (server["type"], server["url"]) == ("http", "https://gate.site/mcp")


def test_codex_gets_a_provider_of_its_own_and_no_key_in_a_file(command: Command, site: Path):
    printed = command("client-config", "codex", "--data", str(site)).out
    settings = tomllib.loads(printed)
    provider = settings["model_providers"][settings["model_provider"]]
    assert settings["model"] == "gpt"
    assert provider["base_url"] == "https://sallyport.site:8443/v1"
    assert (provider["wire_api"], provider["supports_websockets"]) == ("responses", False)
    assert (provider["env_key"], "sp_" in printed) == ("SALLYPORT_KEY", False)


def test_claude_code_reports_and_asks_for_models_when_that_is_wanted(command: Command, site: Path):
    printed = command("client-config", "claude-code", "--reports", "--discovery", "--data", str(site))
    settings = json.loads(printed.out)["env"]
    assert settings["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://sallyport.site:8443"
    assert settings["OTEL_EXPORTER_OTLP_HEADERS"] == "Authorization=Bearer sp_YOUR_KEY"
    assert settings["CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY"] == "1"
    assert "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC" not in settings


def test_vscode_gets_tools_and_models_and_asks_for_the_key(command: Command, site: Path):
    files = json.loads(command("client-config", "vscode", "--data", str(site)).out)
    server = files[".vscode/mcp.json"]["servers"]["sallyport"]
    assert (server["type"], server["url"]) == ("http", "https://sallyport.site:8443/mcp")
    models = files["settings.json"]["github.copilot.chat.customOAIModels"]
    assert models["gpt"]["url"] == "https://sallyport.site:8443/v1/chat/completions"
    assert "sp_" not in json.dumps(files)
