"""Fills the jinja2 templates; the packages that what is generated imports from."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2

CORE = "ophyd_async.core"
EPICS = "ophyd_async.epics.core"
RUNTIME = "beamwright_runtime"


def fill(template: str, **content: Any) -> str:
    """Return the text of a template, every name of which must have content."""
    return _environment().get_template(template).render(**content)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("beamwright_templates", "."),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # the output is Python: `literal` and `docstring` are its escaping
        keep_trailing_newline=True,
    )
