"""Text to text, form only: libcst puts imports and `__all__` in order, ruff lays out lines. Meaning never changes."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import libcst as cst

from beamwright_generator.problems import InternalError

LINE_LENGTH = 120

_Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement


def polish(files: Mapping[str, str]) -> dict[str, str]:
    """Put modules in form; doing it twice changes nothing.

    :param files: texts by path; other files than modules pass unchanged.
    :raises InternalError: if a text is not Python.
    """
    modules = {path: in_order(text) for path, text in files.items() if path.endswith(".py")}
    return {**files, **_laid_out(modules)}


def protected(files: Mapping[str, str]) -> dict[str, str]:
    """Mark modules, below their header, so that a site's formatters leave every byte of them.

    `black` and ruff keep to ``# fmt: off``, `isort` and ruff to ``# isort: skip_file``. Modules are polished before.
    """
    return {path: _protected(text) if path.endswith(".py") else text for path, text in files.items()}


def _protected(text: str) -> str:
    lines = text.splitlines(keepends=True)
    header = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join([*lines[:header], *_MARKS, *lines[header:]])


_MARKS = ("# isort: skip_file\n", "# fmt: off\n")


def in_order(text: str) -> str:
    """Sort the imports and the names of `__all__` of one module, the way ruff's isort and RUF022 do.

    Only the head of the module is parsed, as far as `__all__`: what follows is the bulk and stays as it is.
    """
    exports = _EXPORTS.search(text)
    head, body = (text[: exports.end()], text[exports.end() :]) if exports else (text, "")
    try:
        module = cst.parse_module(head)
    except cst.ParserSyntaxError as error:
        raise InternalError(f"a template made a module that is not Python: {error}") from error
    statements = list(module.body)
    imports = [s for s in statements if _import_of(s) is not None]
    if imports:
        first = statements.index(imports[0])
        rest = [s for s in statements if _import_of(s) is None]
        statements = [*rest[:first], *_sorted_imports(imports), *rest[first:]]
    return module.with_changes(body=[_with_sorted_all(s) for s in statements]).code + body


_EXPORTS = re.compile(r"^__all__ = \[[^\]]*\]\n", re.MULTILINE)


def _import_of(statement: cst.CSTNode) -> cst.Import | cst.ImportFrom | None:
    if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1:
        only = statement.body[0]
        if isinstance(only, cst.Import | cst.ImportFrom):
            return only
    return None


def _sorted_imports(statements: Sequence[_Statement]) -> list[_Statement]:
    plain: dict[str, str] = {}
    names: dict[str, set[tuple[str, str]]] = {}
    for statement in statements:
        found = _import_of(statement)
        if isinstance(found, cst.Import):
            plain |= {_code(alias): _comment(statement) for alias in found.names}
        elif isinstance(found, cst.ImportFrom) and found.module and not isinstance(found.names, cst.ImportStar):
            aliases = {(_code(a.name), _code(a.asname.name) if a.asname else "") for a in found.names}
            names.setdefault(_code(found.module), set()).update(aliases)
    lines: list[_Statement] = []
    for section in range(4):
        block = [f"import {name}{plain[name]}" for name in sorted(plain) if _section(name.split()[0]) == section]
        for module in sorted(m for m in names if _section(m) == section):
            straight = sorted((name for name, alias in names[module] if not alias), key=isort_key)
            aliased = sorted((f"{name} as {alias}" for name, alias in names[module] if alias), key=isort_key)
            block += [f"from {module} import {', '.join(straight)}"] if straight else []
            block += [f"from {module} import {name}" for name in aliased]
        for number, line in enumerate(block):
            blank = [cst.EmptyLine(indent=False)] if number == 0 else []
            lines.append(
                cst.ensure_type(cst.parse_statement(line), cst.SimpleStatementLine).with_changes(leading_lines=blank)
            )
    return lines


def _code(node: cst.CSTNode) -> str:
    return cst.Module(body=[]).code_for_node(node).rstrip(", ")


def _comment(statement: _Statement) -> str:
    """Return the comment that a line ends with, as it is written."""
    if not isinstance(statement, cst.SimpleStatementLine) or statement.trailing_whitespace.comment is None:
        return ""
    return f"  {statement.trailing_whitespace.comment.value}"


def _section(module: str) -> int:
    root = module.partition(".")[0]
    if root == "__future__":
        return 0
    if root in sys.stdlib_module_names:
        return 1
    return 3 if root.startswith("beamwright_") else 2


def isort_key(name: str) -> tuple[int, list[tuple[int, int, str]], str]:
    """Order names as isort does: CONSTANTS, Classes, variables; numbers by value, those that begin with 0 first."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    parts = (part for part in re.split(r"([0-9]+)", name) if part)
    natural = [
        (0, 0 if part[0] == "0" else len(part), part) if part[0] in "0123456789" else (1, 0, part) for part in parts
    ]
    return kind, natural, name


def _with_sorted_all(
    statement: _Statement,
) -> _Statement:
    if not isinstance(statement, cst.SimpleStatementLine) or not isinstance(statement.body[0], cst.Assign):
        return statement
    assign = statement.body[0]
    target = assign.targets[0].target
    if not (isinstance(target, cst.Name) and target.value == "__all__" and isinstance(assign.value, cst.List)):
        return statement
    names = sorted((_code(element.value) for element in assign.value.elements), key=lambda n: isort_key(n[1:-1]))
    listed = cst.parse_expression(f"[{', '.join(names)}]")
    return statement.with_changes(body=[assign.with_changes(value=listed)])


def _laid_out(modules: Mapping[str, str]) -> dict[str, str]:
    if not modules:
        return {}
    with tempfile.TemporaryDirectory(prefix="beamwright-") as folder:
        numbered = {path: Path(folder) / f"{number}.py" for number, path in enumerate(modules)}
        for path, text in modules.items():
            numbered[path].write_text(text, encoding="utf-8", newline="\n")
        command = [
            sys.executable,
            "-m",
            "ruff",
            "format",
            "--isolated",
            "--no-cache",
            "--quiet",
            "--target-version",
            "py311",
        ]
        done = subprocess.run(
            [*command, "--line-length", str(LINE_LENGTH), folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise InternalError(done.stderr.strip())
        return {path: file.read_text(encoding="utf-8") for path, file in numbered.items()}
