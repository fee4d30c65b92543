"""How Sphinx builds the site of these pages: `make docs`."""

from __future__ import annotations

from importlib.metadata import version as version_of

from sphinx.application import Sphinx

project = "beamwright"
copyright = "the beamwright developers"  # noqa: A001 - Sphinx's name
release = version_of("beamwright")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["**/README.md"]

default_role = "code"
highlight_language = "none"
smartquotes_action = "qe"  # no dashes: options begin with two

html_theme = "furo"
html_title = "beamwright"
html_show_sourcelink = False
html_show_copyright = False

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}

copybutton_prompt_text = "$ "


def _examples_as_code(_app: object, _command: object, lines: list[str]) -> None:
    """Show the parts of a help text whose lines click keeps, which are examples, as code."""
    shown: list[str] = []
    for line in lines:
        if line.startswith("| "):
            if not (shown and shown[-1].startswith("   ")):
                shown += ["", "::", ""]
            shown.append("   " + line[2:])
        else:
            if shown and shown[-1].startswith("   "):
                shown.append("")
            shown.append(line)
    lines[:] = shown


def _without_fields(
    _app: object, _what: object, _name: object, member: object, _skip: object, _options: object
) -> bool | None:
    """Leave out the fields of a named tuple, which its class describes as parameters."""
    return True if (member.__doc__ or "").startswith("Alias for field number ") else None


def setup(app: Sphinx) -> None:
    """Connect what is done here to Sphinx."""
    app.connect("autodoc-skip-member", _without_fields)
    app.connect("sphinx-click-process-description", _examples_as_code)
