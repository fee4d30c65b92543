"""The `gen` command: the group that every command is in, in the order of the way from an IOC to current code.

The control stack is never imported, and the stages only when a command needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from beamwright_generator.cli.audit import audit
from beamwright_generator.cli.beamline import beamline
from beamwright_generator.cli.completion import completion
from beamwright_generator.cli.device import device
from beamwright_generator.cli.diff import diff as diff_command
from beamwright_generator.cli.init import init, schema
from beamwright_generator.cli.migrate import adopt, migrate
from beamwright_generator.cli.observe import observe
from beamwright_generator.cli.show import show
from beamwright_generator.cli.snapshot import snapshot

TWIN: Final = "beamwright_twin.command"
"""Where `gen twin` is defined: a twin stands on the generator, which may not import it. ADR 0001."""


class _InOrder(click.Group):
    """Lists commands in the order in which they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands: the way from an IOC to current code, and then the rest."""
        main_path = ["init", "beamline", "diff", "migrate", "snapshot", "observe", "twin", "show", "audit", "adopt"]
        return [*main_path, *(name for name in super().list_commands(ctx) if name not in main_path)]


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="beamwright")
def main() -> None:
    """Write typed Device classes and a beamline module from what IOCs are made of.

    \b
    The main path:
      gen init iocBoot/st.cmd --name x01    write a first beamline.yaml from a boot script
      gen beamline                          generate, or bring up to date, what it describes
      gen beamline --check                  in a pipeline: is the committed code current?
      gen diff HEAD generated               what does that mean for plans?
      gen migrate plans/                    rewrite plans where something was renamed
      gen snapshot PREFIX -o box.yaml       record a server that has no database, such as a PandA
      gen observe                           record what only the running IOCs know
      gen observe --check                   every night: do they still serve what is committed?
      gen twin                              run it all, simulated, on this machine
      gen show                              a catalogue of all devices and PVs, as one page
      gen audit MODULE --against x01        do hand-written devices fit what is served?

    Exit codes: 0 clean, 1 not clean (problems, or --check found differences), 2 usage.
    """


main.add_command(beamline)
main.add_command(device)
main.add_command(init)
main.add_command(schema)
main.add_command(diff_command)
main.add_command(migrate)
main.add_command(adopt)
main.add_command(snapshot)
main.add_command(observe)
main.add_command(import_module(TWIN).twin)
main.add_command(completion)
main.add_command(audit)
main.add_command(show)
