"""Completion of `gen` in shells, and the arguments that know what to complete."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SHELLS = ("bash", "zsh", "fish")


class BeamlineArgument(click.Path):
    """A beamline file, or the name of a beamline that was generated before."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the names of beamlines, and files."""
        from click.shell_completion import CompletionItem

        from beamwright_generator.repository import generated_beamlines

        names = [name for name in generated_beamlines(Path.cwd()) if name.startswith(incomplete)]
        return [*(CompletionItem(name) for name in names), *super().shell_complete(ctx, param, incomplete)]


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(SHELLS), required=False)
def completion(shell: str | None) -> None:
    """Print the script that makes SHELL complete commands, options, files, and names of generated beamlines.

    SHELL is the one you use, if it is not named.

    \b
    In the file that your shell reads when it starts:
      eval "$(gen completion bash)"          ~/.bashrc
      eval "$(gen completion zsh)"           ~/.zshrc
      gen completion fish | source           ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    shell = shell or Path(os.environ.get("SHELL", "")).name
    maker = get_completion_class(shell) if shell in SHELLS else None
    if maker is None:
        raise click.UsageError(f"name your shell: gen completion {'|'.join(SHELLS)}")
    group = click.get_current_context().find_root().command
    click.echo(maker(group, {}, "gen", "_GEN_COMPLETE").source())
