"""Taking in prices and policies that travel by themselves."""

from pathlib import Path

from app.cli.release.recording import govern, has_record
from app.cli.release.where import profile_of
from app.cli.site import Output, operator_call
from app.core.call import Resource
from app.core.errors import InputError
from app.release.bundles import check_bundle, take_in
from app.release.medium import Medium
from app.release.programs import Installed
from app.release.trust import Believed

_PRICES = "prices.yaml"


def apply_bundle(site: Installed, medium: Medium, believed: Believed, output: Output) -> None:
    """Take a bundle in; policies hold at once, prices as soon as the server has looked."""
    data, manifest = Path(site.data), believed.verified.manifest
    if not data.is_dir():
        raise InputError(f"{data} is not there.", remedy="Start the server once, or name --data.")
    check_bundle(data, manifest)
    arguments = {"kind": manifest.kind, "number": manifest.number, "manifest": believed.verified.sha256}
    govern(site, "admin.bundle.apply", f"{manifest.kind}/{manifest.number}", arguments)
    folder = take_in(data, medium, believed, readable=_readable)
    facts = {"kind": manifest.kind, "number": manifest.number, "version": manifest.version}
    if manifest.kind == "policies":
        names = _apply_policies(site, folder, f"bundle {manifest.kind}/{manifest.number}")
        output.value({**facts, "policies": names}, f"Policies that hold now: {', '.join(names)}.")
    else:
        output.value(facts, f"Price table {manifest.version} counts for every call from now on.")


def _readable(kind: str, folder: Path) -> None:
    """InputError or ConfigError when the program could not use what the bundle holds."""
    from app.gateway.money import read_prices
    from app.policy import check

    if kind == "prices":
        read_prices(folder / _PRICES)
        return
    for path in sorted(folder.glob("*.yaml")):
        _, checked = check(path.read_bytes())
        if checked.failed:
            raise InputError(f"{path.name} fails its own tests.", remedy="Tell whoever made the bundle.")


def _apply_policies(site: Installed, folder: Path, origin: str) -> list[str]:
    """Let each policy hold, as a change of its own that the corridor decides."""
    if not has_record(site):
        raise InputError("There is no database to keep policies in.", remedy="Start the server once.")
    from app.policy import check
    from app.server.process import run_guarded
    from app.server.site import open_site

    loaded, data = profile_of(site)
    names: list[str] = []
    sources = [path.read_bytes() for path in sorted(folder.glob("*.yaml"))]

    async def run(_: object) -> None:
        async with open_site(loaded, folder=data, serving=False) as opened:
            for source in sources:
                document, checked = check(source)
                arguments = {"sha256": checked.sha256, "bundle": origin}
                call = operator_call("admin.policy.apply", Resource("policy", document.policy), arguments)
                async with opened.admission.admit(call) as passage:
                    applied = await opened.policies.apply(passage, source)
                    passage.note(result={"version": applied.version, "changed": applied.changed})
                names.append(document.policy)

    run_guarded(loaded, run, fast=False)
    return names
