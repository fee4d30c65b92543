"""Descriptions as an IOC made of nothing but base can load them."""

from __future__ import annotations

import re
from pathlib import Path


def soften(text: str) -> str:
    """Take out what base has no support for: device support, the motor record, the busy record."""
    text = re.sub(r"record\(motor, .*?\n\}\n", "", text, flags=re.S)
    text = text.replace("record(busy,", "record(bo,")
    text = re.sub(r"^ *field\(DTYP, .*\n", "", text, flags=re.M)
    text = re.sub(r'^ *field\((?:INP|OUT), *"@.*\n', "", text, flags=re.M)
    return re.sub(r'^ *field\(SCAN, "I/O Intr"\)\n', "", text, flags=re.M)


def place(template: Path, **macros: str) -> str:
    """Give the soft records of a template with its includes, each macro replaced by its value or its default."""
    text = template.read_text()
    while included := re.search(r'^include "(.+)"$', text, flags=re.M):
        text = text[: included.start()] + (template.parent / included[1]).read_text() + text[included.end() :]
    return re.sub(r"\$\((\w+)(?:=([^)]*))?\)", lambda macro: macros.get(macro[1], macro[2] or ""), soften(text))
