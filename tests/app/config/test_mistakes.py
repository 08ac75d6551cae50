"""Every mistake in a profile is one clear sentence with file, key and remedy, and exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import load
from app.core.errors import ConfigError
from tests.fix_process import ROOT, clean

MISTAKES = {
    "unknown section": ("lisen: {}", "lisen: unknown key. Did you mean listen?"),
    "unknown key": ("listen: {adress: x}", "listen.adress: unknown key. Did you mean address?"),
    "unknown key of an entry": (
        "mcp: {servers: {files: {comand: [cat]}}}",
        "mcp.servers.files.comand: unknown key. Did you mean command?",
    ),
    "unknown key far from any": (
        "listen: {zzz: 1}",
        "listen.zzz: unknown key. See `sallyport config reference`.",
    ),
    "text for a number": (
        "database: {pool: many}",
        "database.pool: must be a whole number, but is text.",
    ),
    "number too small": ("database: {pool: 0}", "database.pool: must be a whole number >= 1."),
    "port too large": (
        "egress: {destinations: {a: {host: h, port: 99999}}}",
        "egress.destinations.a.port: must be a whole number <= 65535.",
    ),
    "list for a mapping": ("listen: [1]", "listen: must be a mapping, but is a list."),
    "text for a list": (
        "mcp: {servers: {files: {command: cat}}}",
        "mcp.servers.files.command: must be a list, but is text.",
    ),
    "wrong item of a list": (
        "mcp: {servers: {files: {command: [cat, {a: 1}]}}}",
        "mcp.servers.files.command[1]: must be text, but is a mapping.",
    ),
    "none of the choices": (
        "log: {level: loud}",
        "log.level: 'loud' is none of debug, info, warning, error.",
    ),
    "YAML's no": ("listen: {plain_http: no}", "put the word in quotes."),
    "YAML's off": ("log: {level: off}", "log.level: False is none of"),
    "YAML's yes as text": ("node: yes", "node: must be text, but is true or false. YAML reads no, off"),
    "missing member": (
        "providers: {p: {dialect: openai}}",
        "providers.p: url is missing. Add providers.p.url.",
    ),
    "empty entry": ("models: {m: }", "models.m: must be a mapping, but is nothing."),
    "name that cannot be": (
        "providers: {'a b': {dialect: openai, url: 'http://a'}}",
        "providers: 'a b' cannot be a name here. Use letters",
    ),
    "number as a name": (
        "providers: {7 7: {dialect: openai, url: 'http://a'}}",
        "providers: '7 7' cannot be a name here.",
    ),
    "unknown provider": (
        "providers: {local: {dialect: openai, url: 'http://a'}}\nmodels: {m: {provider: locl}}",
        "models.m.provider: there is no provider 'locl'. Did you mean local?",
    ),
    "command and url": (
        "mcp: {servers: {s: {command: [cat], url: 'http://a'}}}",
        "mcp.servers.s: exactly one of command and url is needed.",
    ),
    "not a URL": (
        "providers: {p: {dialect: openai, url: 'models.example'}}",
        "providers.p.url: 'models.example' is not a plain http or https URL.",
    ),
    "missing secret file": (
        "providers: {p: {dialect: openai, url: 'http://a', key: 'file:nowhere'}}",
        "providers.p.key: the secret file",
    ),
    "missing secret file of a program": (
        "mcp: {servers: {s: {command: [cat], environment: {TOKEN: 'file:nowhere'}}}}",
        "mcp.servers.s.environment.TOKEN: the secret file",
    ),
    "missing secret file of the database": ("database: {url: 'file:nowhere'}", "database.url: the secret file"),
    "secret that is a number": (
        "providers: {p: {dialect: openai, url: 'http://a', key: 7}}",
        "providers.p.key: must be text, but is a whole number.",
    ),
    "unset variable": (
        "providers: {p: {dialect: openai, url: 'http://a', key: '${NOT_SET}'}}",
        "providers.p.key: the environment variable NOT_SET is not set.",
    ),
    "key given twice": ("node: a\nnode: b", "key 'node' is given twice"),
    "not YAML": ("listen: {", "not YAML"),
    "a tab": ("listen:\n\taddress: x", "not YAML"),
    "a list": ("- a", "the profile must be a mapping of sections"),
    "text": ("hello", "the profile must be a mapping of sections"),
    "binary": ("\x00\x01", "not YAML"),
    "python object": ("node: !!python/object/apply:os.system [id]", "not YAML"),
    "aliases that grow": (
        "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nnode: [*b,*b,*b,*b]",
        "node: must be text, but is a list.",
    ),
    "deep nesting": ("node: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_one_sentence_with_file_key_and_remedy(tmp_path: Path, name: str):
    text, wanted = MISTAKES[name]
    path = tmp_path / "profile.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        from app.egress.destinations import declared

        list(declared(load(path, environment={})))
    said = str(caught.value)
    assert wanted in said
    assert "\n" not in said
    assert said.startswith(str(path)) or name == "not a URL"
    assert caught.value.remedy


def test_secrets_are_read_and_never_shown(tmp_path: Path):
    (tmp_path / "key").write_text("s3cret\n", encoding="utf-8")
    path = tmp_path / "profile.yaml"
    path.write_text(
        "providers: {p: {dialect: openai, url: 'http://a', key: 'file:key'}}\n"
        "mcp: {servers: {s: {command: [cat], environment: {A: 'file:key', B: '${B}'}}}}\n",
        encoding="utf-8",
    )
    profile = load(path, environment={"B": "b"})
    key = profile.providers["p"].key
    assert key is not None
    assert key.reveal() == "s3cret"
    assert {name: value.reveal() for name, value in profile.mcp.servers["s"].environment.items()} == {
        "A": "s3cret",
        "B": "b",
    }
    assert "s3cret" not in repr(profile)


@pytest.mark.parametrize(
    ("variable", "wanted"),
    [
        ("SALLYPORT_LISTEN_ADRESS=x", "environment: SALLYPORT_LISTEN_ADRESS is not a setting. Did you mean"),
        ("SALLYPORT_DATABASE_POOL=many", "database.pool: must be a whole number, but is text."),
        ("SALLYPORT_LOG_LEVEL=loud", "log.level: 'loud' is none of"),
        ("SALLYPORT_DATABASE_URL=file:nowhere", "database.url: the secret file"),
    ],
)
def test_mistake_in_the_environment_names_its_key(variable: str, wanted: str):
    with pytest.raises(ConfigError) as caught:
        load(None, environment=dict([variable.split("=", 1)]))
    assert wanted in str(caught.value)


def check(profile: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "app",
            *arguments,
            "--profile",
            str(profile),
            "--data",
            str(profile.parent / "d"),
        ],
        cwd=ROOT,
        env=clean(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_command_line_says_the_sentence_and_exits_with_2(tmp_path: Path):
    path = tmp_path / "profile.yaml"
    path.write_text("mcp: {servers: {files: {comand: [cat]}}}", encoding="utf-8")
    done = check(path, "config", "check")
    assert done.returncode == 2
    assert done.stderr == f"sallyport: {path}: mcp.servers.files.comand: unknown key. Did you mean command?\n"
    assert done.stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize("command", [["serve"], ["config", "check"], ["key", "list"]])
def test_missing_profile_exits_with_2(tmp_path: Path, command: list[str]):
    done = check(tmp_path / "nowhere.yaml", *command)
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "wanted"),
    [
        ("database: {url: 'host=127.0.0.1 port=1 connect_timeout=2'}", "The database cannot be reached"),
        ("database: {url: 'postgresql://%zz'}", "database.url"),
        ("listen: {address: 'nonsense'}", "listen.address: 'nonsense' is not HOST:PORT."),
        ("listen: {address: '0.0.0.0:0', plain_http: loopback}", "listen.plain_http: 0.0.0.0 can be reached"),
    ],
)
def test_serve_that_cannot_work_says_why_and_exits_with_2(tmp_path: Path, profile: str, wanted: str):
    path = tmp_path / "profile.yaml"
    path.write_text(profile, encoding="utf-8")
    done = check(path, "serve")
    assert done.returncode == 2, done.stderr
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "wanted"),
    [
        ("egress: {ca_bundle: /nowhere.pem}", "egress.ca_bundle: /nowhere.pem cannot be used"),
        ("listen: {tls: {certificate: /nowhere.pem, key: /nowhere.key}}", "listen.tls: /nowhere.pem"),
    ],
)
def test_missing_certificate_is_named(tmp_path: Path, database: str, profile: str, wanted: str):
    path = tmp_path / "profile.yaml"
    path.write_text(f'database: {{url: "{database}"}}\n{profile}', encoding="utf-8")
    done = check(path, "serve")
    assert done.returncode == 2, done.stderr
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_profile_says_so(tmp_path: Path):
    path = tmp_path / "profile.yaml"
    path.write_text("node: a", encoding="utf-8")
    path.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(path, environment={})
