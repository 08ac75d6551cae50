"""`database roles`: four roles instead of one, printed for a DBA or applied."""

from pathlib import Path

import click

from app.cli.site import Output, json_option, operator_call, site_options, site_profile
from app.core.call import Resource
from app.egress import Connector
from app.server.process import run_guarded
from app.server.rooms.roles import apply, database_name, script
from app.server.site import open_site

_HEAD = """\
-- To be run by psql in the database {database!r}, as a role that may make roles. None of these gets a password here:
-- \\password ROLE, or certificates, or peer authentication. Then name them in the profile:
--   database: {{url: …writer…, owner_url: …owner…, sealer_url: …sealer…, auditor: …}}
-- and start Sallyport: the owner grants the rest, now and after each migration.
"""


@click.command()
@site_options
@click.option("--print", "how", flag_value="print", default=True, help="Print SQL for a DBA; the default.")
@click.option("--apply", "how", flag_value="apply", help="Make and grant them over the profile's connection.")
@json_option
def roles(data: Path | None, profile: Path | None, how: str, as_json: bool) -> None:
    """Make roles that own, write, seal and look, so that whoever writes the record cannot change it.

    Their names are those of the profile's connection strings, or sallyport_owner, _writer, _sealer and _auditor.
    """
    loaded, folder = site_profile(data, profile)
    if how == "print":
        name = database_name(loaded.database)
        sql = _HEAD.format(database=name) + script(loaded.database, database=name)
        Output(as_json=as_json).value({"database": name, "sql": sql}, sql.rstrip("\n"))
        return

    async def run(_: Connector) -> None:
        async with open_site(loaded, folder=folder, serving=False) as site:
            call = operator_call("admin.database.roles", Resource("database", database_name(loaded.database)))
            async with site.admission.admit(call) as passage:
                names = await apply(loaded.database)
                passage.note(result={"owner": names.owner, "writer": names.writer})
        Output(as_json=as_json).value(
            names,
            f"Owner {names.owner}, writer {names.writer}, sealer {names.sealer}.\n"
            "Give them passwords or certificates, name them in the profile, and start again.",
        )

    run_guarded(loaded, run, fast=False)
