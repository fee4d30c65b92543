"""Pieces of Python text that are safe whatever a description holds: literals, docstrings, comments, imports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from beamwright_generator.model import ClassRef

FASTCS = "ophyd_async.fastcs"


def literal(text: str) -> str:
    """Write text as a Python string literal on one line, in the quotes that ruff would choose."""
    quote = "'" if '"' in text and "'" not in text else '"'
    out = []
    for char in text:
        if char in ("\\", quote):
            out.append(f"\\{char}")
        elif char.isprintable():
            out.append(char)
        else:
            code = ord(char)
            out.append(f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")
    return f"{quote}{''.join(out)}{quote}"


def docstring(text: str) -> str:
    """Write text as a docstring on one line; blanks are folded and nothing in it can end it."""
    folded = " ".join(text.split())
    printable = "".join(char if char.isprintable() else "?" for char in folded).replace("\\", "\\\\")
    head = printable.rstrip('"')
    quotes = len(printable) - len(head)
    return '"""' + head.replace('"""', '\\"\\"\\"') + '\\"' * quotes + '"""'


def sentence(text: str) -> str:
    """End text with a full stop, as docstrings do."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def comment(text: str) -> str:
    """Write text as it can stand in a comment."""
    return "".join(char if char.isprintable() else "?" for char in text)


class Imports:
    """Collects imports as a by-product of naming things, so that no import can be unused or missing.

    :param late: modules whose classes are imported for type checkers only, because the runtime is told of them.
    """

    def __init__(self, own_module: str, late: Collection[str] = ()) -> None:
        self._own = own_module
        self._late = late
        self._names: dict[str, set[str]] = defaultdict(set)
        self.plain: set[str] = set()
        self.late: dict[str, str] = {}
        """The modules of classes that are imported late, by their names."""

    def name(self, module: str, name: str, alias: str = "") -> str:
        """Refer to a name, importing it unless it belongs to this module."""
        if module and module != self._own:
            self._names[module].add(f"{name} as {alias}" if alias else name)
        return alias or name

    def ref(self, ref: ClassRef) -> str:
        """Refer to a class; the blocks of a PandA by their module, because generated ones have the same names."""
        package, _, module = ref.module.rpartition(".")
        if package == FASTCS:
            return f"{self.name(package, module)}.{ref.name}"
        if ref.module in self._late:
            self.name("typing", "TYPE_CHECKING")
            self.late[ref.name] = ref.module
            return ref.name
        return self.name(ref.module, ref.name)

    def lines(self) -> list[str]:
        """Return one statement for each module; `polish` puts them in order."""
        froms = [f"from {module} import {', '.join(sorted(names))}" for module, names in self._names.items()]
        return sorted(self.plain) + sorted(froms)
