"""Shells: packages whose own `__init__` runs only if something is asked of them that the table below does not name.

Some packages import all that they can do when one thing of theirs is wanted: aiohttp its client, with two TLS contexts full
of the host's authorities, when it is to serve. A shell holds the names that we use, gets each from the module that
makes it, finds sub-modules as usual, and becomes the whole package the moment anybody asks for anything else. What is
slow or large then is so once; nothing is ever missing.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # to import the real one takes 3 ms, and it is a name only

SHELLS: Mapping[str, Mapping[str, str]] = {
    "aiohttp": {
        "HttpVersion10": "aiohttp.http_writer",
        "HttpVersion11": "aiohttp.http_writer",
    },
    "aiohttp.web": {
        "BaseRequest": "aiohttp.web_request",
        "HTTPException": "aiohttp.web_exceptions",
        "HTTPRequestEntityTooLarge": "aiohttp.web_exceptions",
        "RequestHandler": "aiohttp.web_protocol",
        "Response": "aiohttp.web_response",
        "Server": "aiohttp.web_server",
        "StreamResponse": "aiohttp.web_response",
        "json_response": "aiohttp.web_response",
    },
    "prometheus_client": {
        "CollectorRegistry": "prometheus_client.registry",
        "Counter": "prometheus_client.metrics",
        "Gauge": "prometheus_client.metrics",
        "Histogram": "prometheus_client.metrics",
    },
    "psycopg_pool": {
        "AsyncConnectionPool": "psycopg_pool.pool_async",
        "PoolClosed": "psycopg_pool.errors",
        "PoolTimeout": "psycopg_pool.errors",
    },
}
"""Package to name to the module that makes it."""
VERSIONS = {"aiohttp": "3"}
"""What a shell says of its version: aiohttp puts it into a header that we do not send."""


def enter() -> None:
    """Let the packages of the table be shells from now on; those that are imported stay as they are."""
    sys.meta_path.insert(0, Shells())


class Shells:
    """The finder (PEP 451): what others find of a package in the table gets a loader of ours."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """None for all that is not in the table."""
        if name not in SHELLS:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = Shell(spec.loader, SHELLS[name])
                return spec
        return None


class Shell(Loader):
    """The loader: gives the module a way to find its names late (PEP 562)."""

    def __init__(self, whole: "Loader", names: Mapping[str, str]) -> None:
        self._whole = whole
        self._names = names

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """An ordinary one."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing of it yet."""

        def found(attribute: str) -> Any:
            return self._found(module, attribute)

        if module.__name__ in VERSIONS:
            vars(module)["__version__"] = VERSIONS[module.__name__]
        vars(module)["__getattr__"] = found

    def _found(self, module: ModuleType, attribute: str) -> Any:
        if attribute in self._names:
            value = getattr(import_module(self._names[attribute]), attribute)
            setattr(module, attribute, value)
            return value
        if attribute.startswith("__"):
            raise AttributeError(attribute, name=attribute, obj=module)
        if hasattr(module, "__path__"):
            try:
                return import_module(f"{module.__name__}.{attribute}")
            except ModuleNotFoundError as error:
                if error.name != f"{module.__name__}.{attribute}":
                    raise
        vars(module).pop("__getattr__", None)
        self._whole.exec_module(module)
        return getattr(module, attribute)
