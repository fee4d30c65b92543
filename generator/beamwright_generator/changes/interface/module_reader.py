"""The interface of modules, read from their text: generated ones, and those that people wrote in the same terms."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import pairwise

from beamwright_generator.basics.packages import USUAL
from beamwright_generator.changes.interface.device_interface import Interface
from beamwright_generator.changes.interface.elements import DeviceClass, EnumClass, Factory, Member
from beamwright_generator.changes.interface.instance_members import assigned_members, numbers_of, texts_in
from beamwright_generator.python.annotation_types import ModuleNames

_FORMATS = "StandardReadableFormat."
_SOURCE = "# Source: "


def read_interface(files: Mapping[str, str], package: str = USUAL) -> Interface:
    """Read the interface of generated modules; what is not Python has none.

    :param files: texts by their paths in the package.
    :param package: its import name.
    """
    found = Interface({}, {}, {})
    for path, text in sorted(files.items()):
        if path.endswith(".py"):
            parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
            found = joined(found, read_module(text, ".".join([package, *parts])))
    return found


def joined(first: Interface, second: Interface) -> Interface:
    """Put two interfaces together."""
    return Interface(
        {**first.classes, **second.classes}, {**first.enums, **second.enums}, {**first.factories, **second.factories}
    )


def read_module(text: str, module: str, *, package: bool = False) -> Interface:
    """Read what one module defines."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return Interface()
    names = ModuleNames(tree, module, package=package)
    source = next((line.removeprefix(_SOURCE) for line in text.split("\n", 5)[:5] if line.startswith(_SOURCE)), "")
    classes: dict[str, DeviceClass] = {}
    enums: dict[str, EnumClass] = {}
    factories: dict[str, Factory] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            full = names.full(node.name)
            kind = _enum_kind(node)
            if kind:
                enums[full] = EnumClass(full, kind, dict(_states(node)))
            else:
                classes[full] = _class(node, full, source, names)
        elif isinstance(node, ast.FunctionDef) and node.returns is not None and node.decorator_list:
            full = names.full(node.name)
            factories[full] = _factory(node, full, names, classes)
    return Interface(classes, enums, factories)


def _enum_kind(node: ast.ClassDef) -> str:
    kinds = (ast.unparse(base).rpartition(".")[2] for base in node.bases)
    return next((kind for kind in kinds if kind.endswith("Enum")), "")


def _states(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            value = statement.value
            yield statement.targets[0].id, str(value.value) if isinstance(value, ast.Constant) else ast.unparse(value)


def _class(node: ast.ClassDef, full: str, source: str, names: ModuleNames) -> DeviceClass:
    members = {member.name: member for member in _members(node, names)}
    bases = tuple(map(names.term, node.bases))
    return DeviceClass(
        full,
        bases,
        members,
        table=any(base.name == "ophyd_async.core.Table" for base in bases),
        source=source,
        doc=ast.get_docstring(node) or "",
        required=required_arguments(node),
        methods=tuple(public_methods(node)),
        line=node.lineno,
    )


def public_methods(node: ast.ClassDef) -> Iterator[str]:
    """Yield the names of the methods and properties of a class that are public."""
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and not statement.name.startswith("_"):
            yield statement.name


def required_arguments(node: ast.ClassDef) -> tuple[str, ...]:
    """Name the arguments of the constructor that have no default, but for the prefix."""
    made = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
    if made is None:
        return ()
    given = [*made.args.posonlyargs, *made.args.args][1:]
    needed = [argument.arg for argument in given[: len(given) - len(made.args.defaults)]]
    keywords = zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True)
    needed += [argument.arg for argument, default in keywords if default is None]
    return tuple(name for name in needed if name not in ("prefix", "name"))


def _members(node: ast.ClassDef, names: ModuleNames) -> Iterator[Member]:
    docs = _docstrings(node.body)
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            yield _declared(name, statement, docs.get(name, ""), names)
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            yield from assigned_members(statement, names)


def _docstrings(statements: list[ast.stmt]) -> dict[str, str]:
    found = {}
    for statement, after in pairwise(statements):
        match statement, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = text
            case _:
                pass
    return found


def _declared(name: str, statement: ast.AnnAssign, doc: str, names: ModuleNames) -> Member:
    annotation, line = statement.annotation, statement.lineno
    kind = names.term(annotation)
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    shown, options = "", []
    entries: tuple[int, ...] = ()
    for extra in _extras(annotation, names):
        text = ast.unparse(extra)
        full = names.full(text.partition("(")[0])
        if isinstance(extra, ast.Call) and ".PvSuffix" in full:
            read, write = _suffixes(extra, names)
            entries = tuple(numbers_of(extra.args[0])) if extra.args else ()
            options += [ast.unparse(own) for own in extra.args[1:]] if entries else []
        elif _FORMATS in full:
            shown = full.partition(_FORMATS)[2]
        elif isinstance(extra, ast.Call):
            options.append(text)
    return Member(name, kind, read, write, shown, tuple(options), entries, doc, line)


def _extras(annotation: ast.expr, names: ModuleNames) -> list[ast.expr]:
    """Return what stands behind the type in ``Annotated[...]``."""
    match annotation:
        case ast.Subscript(value=value, slice=ast.Tuple(elts=[_, *extras])):
            return extras if names.full(ast.unparse(value)) == "typing.Annotated" else []
    return []


def _suffixes(call: ast.Call, names: ModuleNames) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is read, and what is written where it is another."""
    called = names.full(ast.unparse(call.func)).rpartition(".")
    if called[2] == "PvSuffixes" and call.args and isinstance(call.args[0], ast.Dict):
        pairs = [_pair(value, names) for value in call.args[0].values]
        reads = tuple(read for read, _ in pairs)
        writes = tuple(write or read for read, write in pairs)
        return reads, writes if writes != reads else ()
    read, write = _pair(call, names)
    return (read,), (write,) if write else ()


def _pair(node: ast.expr, names: ModuleNames) -> tuple[str, str]:
    """Return the suffix to read, and the one to write where it is another."""
    if not isinstance(node, ast.Call):
        return next(iter(texts_in(node)), ""), ""
    given = {keyword.arg: next(iter(texts_in(keyword.value)), "") for keyword in node.keywords}
    texts = [next(iter(texts_in(argument)), "") for argument in node.args]
    if names.full(ast.unparse(node.func)).endswith(".rbv"):
        write = texts[0] if texts else given.get("write_suffix", "")
        return write + (texts[1] if len(texts) > 1 else given.get("rbv_suffix", "_RBV")), write
    read = texts[0] if texts else given.get("read_suffix", "")
    write = texts[1] if len(texts) > 1 else given.get("write_suffix", "")
    return read, write if write != read else ""


def _factory(node: ast.FunctionDef, full: str, names: ModuleNames, classes: Mapping[str, DeviceClass]) -> Factory:
    assert node.returns is not None
    term = names.term(node.returns)
    prefixes = tuple(texts_in(node.body[-1]))
    if not prefixes and (made := classes.get(term.name)):
        prefixes = tuple(pv for member in made.members.values() for pv in member.read)
    decorator = node.decorator_list[0]
    options = {k.arg: _option(k.value) for k in decorator.keywords if k.arg} if isinstance(decorator, ast.Call) else {}
    parameters = tuple(argument.arg for argument in node.args.args)
    return Factory(full, term, prefixes, parameters, options, ast.get_docstring(node) or "")


def _option(value: ast.expr) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    return ast.unparse(value).rpartition(".")[2].lower()
