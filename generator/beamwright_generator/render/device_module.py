"""The text of a device module."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from beamwright_generator.model import (
    Access,
    AnnotatedVector,
    ArrayType,
    BuiltinType,
    Child,
    ClassRef,
    Datatype,
    DeviceType,
    EnumKind,
    EnumType,
    Format,
    Member,
    Signal,
    SignalVector,
    States,
    TableType,
    Vector,
)
from beamwright_generator.render.jinja import CORE, EPICS, RUNTIME, fill
from beamwright_generator.render.python_text import Imports, comment, docstring, literal, sentence

_FORMATS = {
    Format.READ: "UNCACHED_SIGNAL",
    Format.HINTED: "HINTED_SIGNAL",
    Format.CONFIG: "CONFIG_SIGNAL",
}


def render_devices(module: str, types: Iterable[DeviceType], command: str) -> str:
    """Return the text of one device module."""
    types = list(types)
    imports = Imports(module)
    enums = list({enum.name: enum for device in types for enum in device.enums}.values())
    sources = list(dict.fromkeys(source for device in types for source in device.sources))
    doc = f"Records of {', '.join(dict.fromkeys(source.rpartition('/')[2] for source in sources))}."
    return fill(
        "device.py.j2",
        command=command,
        sources=", ".join(comment(source) for source in sources),
        doc=docstring(doc),
        enums=[_enum(enum, imports) for enum in enums],
        tables=[_table(table, imports) for device in types for table in device.tables],
        devices=[_device_class(device, imports, doc) for device in types],
        exports=sorted(literal(name) for name in dict.fromkeys(name for d in types for name in d.defined)),
        imports=imports.lines(),
    )


def _enum(enum: EnumType, imports: Imports) -> dict[str, Any]:
    module = RUNTIME if enum.kind is EnumKind.DRIVER else CORE
    return {
        "name": enum.name,
        "kind": imports.name(module, enum.kind.value),
        "states": [{"member": state.member, "text": literal(state.text)} for state in enum.states],
    }


def _table(table: TableType, imports: Imports) -> dict[str, Any]:
    return {
        "name": table.name,
        "parent": imports.name(CORE, "Table"),
        "columns": [{"name": name, "type": _datatype(datatype, imports)} for name, datatype in table.columns],
    }


def _device_class(device: DeviceType, imports: Imports, of_module: str) -> dict[str, Any]:
    """Return what the template shows of a class.

    :param of_module: the docstring of its module, which the class does not repeat.
    """
    bases = [imports.ref(base) for base in device.bases] or [imports.name(RUNTIME, "RecordDevice")]
    if device.readable:
        bases.append(imports.name(CORE, "StandardReadable"))
    declared: list[dict[str, str]] = []
    parts: list[dict[str, str]] = []
    group = ""
    for member in _in_groups(device.members):
        if not _is_declared(member):
            parts.append(_made_part(member, imports))
            continue
        heading = member.group if isinstance(member, Signal) and member.group != group else ""
        group = member.group if isinstance(member, Signal) else group
        declared.append(
            {
                "attribute": member.attribute,
                "annotation": _annotation(member, imports),
                "doc": docstring(member.doc) if _says_more(member.doc, member.attribute) else "",
                "heading": comment(" ".join(heading.split())),
            }
        )
    constructor = bool(parts or device.parameters)
    if constructor:
        imports.name(CORE, "DeviceConnector")
    return {
        "name": device.ref.name,
        "bases": bases,
        "doc": docstring(doc) if (doc := sentence(device.doc)) != of_module or not (declared or constructor) else "",
        "members": declared,
        "constructor": constructor,
        "parameters": [{"name": name, "macro": literal(macro)} for name, macro in device.parameters],
        "parts": parts,
    }


def _in_groups(members: Sequence[Member]) -> list[Member]:
    """Put members without a group first, then those of each group together, so that each heading stands once."""
    groups = [member.group if isinstance(member, Signal) else "" for member in members]
    order = {group: number for number, group in enumerate(dict.fromkeys(["", *groups]))}
    return [member for _, member in sorted(zip(groups, members, strict=True), key=lambda pair: order[pair[0]])]


def _says_more(doc: str, attribute: str) -> bool:
    """Return whether words say more than the name of the attribute that they are about."""
    return bool(doc.strip()) and re.sub(r"[\W_]+", "", doc).lower() != re.sub(r"_", "", attribute).lower()


def _is_declared(member: Member) -> bool:
    return isinstance(member, Signal | AnnotatedVector | SignalVector) or (
        isinstance(member, Child) and member.declared
    )


def _annotation(member: Member, imports: Imports) -> str:
    annotated = imports.name("typing", "Annotated", "A")
    if isinstance(member, Child):
        extras = [_suffix(member.suffix, None, imports), *_shown(member, imports)]
        return f"{annotated}[{imports.ref(member.type)}, {', '.join(extras)}]"
    if isinstance(member, AnnotatedVector | SignalVector):
        return f"{annotated}[{_vector(member, imports)}]"
    assert isinstance(member, Signal)
    typed = _signal_type(member, imports)
    extras = [_suffix(member.read, member.write, imports)]
    if member.busy:
        extras.append(f"{imports.name(EPICS, 'EpicsOptions')}(wait={imports.name(CORE, 'non_zero')})")
    if member.driver_states:
        extras.append(f"{imports.name(RUNTIME, 'DriverStates')}()")
    extras += _shown(member, imports)
    return f"{annotated}[{typed}, {', '.join(extras)}]"


def _signal_type(member: Signal | SignalVector, imports: Imports) -> str:
    kind = imports.name(CORE, member.access.value)
    return kind if member.access is Access.COMMAND else f"{kind}[{_datatype(member.datatype, imports)}]"


def _vector(member: AnnotatedVector | SignalVector, imports: Imports) -> str:
    numbered: list[dict[int, str]]
    if isinstance(member, SignalVector):
        typed, extras = _signal_type(member, imports), _shown(member, imports)
        numbered = [{n: _suffix(read, write, imports) if write else literal(read) for n, read, write in member.entries}]
    else:
        typed, extras = imports.ref(member.type), _shown(member, imports)
        numbered = [
            {n: literal(suffix) for n, suffix in member.entries},
            {n: imports.ref(ref) for n, ref in member.own},
        ]
    listed = ["{" + ", ".join(f"{n}: {text}" for n, text in entries.items()) + "}" for entries in numbered if entries]
    vector = f"{imports.name(CORE, 'DeviceVector')}[{typed}]"
    return ", ".join([vector, f"{imports.name(RUNTIME, 'PvSuffixes')}({', '.join(listed)})", *extras])


def _shown(member: Signal | SignalVector | Child | AnnotatedVector, imports: Imports) -> list[str]:
    """Say how a member takes part in the documents of a run, if it does."""
    if isinstance(member, Signal | SignalVector):
        shown = _FORMATS.get(member.format)
    else:
        shown = "CHILD" if member.readable else None
    return [f"{imports.name(CORE, 'StandardReadableFormat', 'Format')}.{shown}"] if shown else []


def _suffix(read: str, write: str | None, imports: Imports) -> str:
    suffix = imports.name(EPICS, "PvSuffix")
    if write is None or write == read:
        return f"{suffix}({literal(read)})"
    if read == f"{write}_RBV":
        return f"{suffix}.rbv({literal(write)})"
    return f"{suffix}({literal(read)}, {literal(write)})"


def _datatype(datatype: Datatype | None, imports: Imports) -> str:
    match datatype:
        case BuiltinType("Sequence[str]"):
            return f"{imports.name('collections.abc', 'Sequence')}[str]"
        case BuiltinType("np.ndarray"):
            imports.plain.add("import numpy as np")
            return "np.ndarray"
        case BuiltinType(name):
            return name
        case States(enum):
            return f"{imports.name('collections.abc', 'Sequence')}[{imports.ref(enum)}]"
        case ArrayType(dtype):
            imports.plain.add("import numpy as np")
            return f"{imports.name(CORE, 'Array1D')}[np.{dtype}]"
        case ClassRef():
            return imports.ref(datatype)
    raise TypeError(f"a signal has no datatype: {datatype!r}")


def _made_part(member: Member, imports: Imports) -> dict[str, str]:
    if isinstance(member, Vector):
        vector = imports.name(CORE, "DeviceVector")
        entries = ", ".join(f"{number}: {_made(member.type, suffix, imports)}" for number, suffix in member.entries)
        return {"attribute": member.attribute, "value": f"{vector}({{{entries}}})"}
    assert isinstance(member, Child)
    return {"attribute": member.attribute, "value": _made(member.type, member.suffix, imports)}


def _made(ref: ClassRef, suffix: str, imports: Imports) -> str:
    return f"{imports.ref(ref)}(self.prefix + {literal(suffix)})" if suffix else f"{imports.ref(ref)}(self.prefix)"
