"""Reads PVI device files through the pvi package into a light tree of groups and signals."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beamwright_generator.basics.source_text import Position, Source
from beamwright_generator.parse.description_files import DescriptionFiles, is_file
from beamwright_generator.problems import Problems

if TYPE_CHECKING:
    from pvi.device import ComponentUnion, Device, Include, Signal
    from ruamel.yaml.nodes import Node

MOST_PROBLEMS = 20
"""Faults reported for one file; a file for another version of pvi has one per signal."""

_SUFFIX = ".pvi.device.yaml"


@dataclass(frozen=True, slots=True)
class PviSignal:
    """One signal; its PVs may hold macros.

    :param access: `r`, `w`, `rw`, or `x` for one that only writes a fixed value.
    :param read_widget: the widget's type name, such as `LED` or `TextRead`; empty where there is none.
    :param value: what an `x` signal writes.
    """

    name: str
    label: str
    description: str
    access: str
    read_pv: str = ""
    write_pv: str = ""
    read_widget: str = ""
    write_widget: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class PviDeviceRef:
    """A reference to another device's own PVI record."""

    name: str
    label: str
    description: str
    pv: str
    macros: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PviGroup:
    """A group with what it holds, in order."""

    name: str
    label: str
    description: str
    layout: str
    children: tuple[PviComponent, ...]


PviComponent = PviGroup | PviSignal | PviDeviceRef


@dataclass(frozen=True, slots=True)
class PviDevice:
    """A PVI device with its parents and includes merged in."""

    source: Source
    label: str
    children: tuple[PviComponent, ...]

    @property
    def groups(self) -> tuple[PviGroup, ...]:
        """The outermost groups in order."""
        return tuple(child for child in self.children if isinstance(child, PviGroup))

    def signals(self) -> Iterator[tuple[tuple[str, ...], PviSignal]]:
        """Return every signal with the names of the groups it stands in, outermost first."""
        return _signals(self.children, ())


def _signals(children: Sequence[PviComponent], groups: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], PviSignal]]:
    for child in children:
        if isinstance(child, PviSignal):
            yield groups, child
        elif isinstance(child, PviGroup):
            yield from _signals(child.children, (*groups, child.name))


def read_pvi(
    files: DescriptionFiles, path: Path, search: Sequence[Path], problems: Problems, *, at: Position | None = None
) -> PviDevice | None:
    """Read a PVI device file and merge in its parents, or give None where that cannot be done.

    :param search: folders of parent files; the file's own folder is searched last.
    :param at: what asks for the file.
    """
    source = files.read(path, at)
    if source is None:
        return None
    if not path.name.endswith(_SUFFIX):
        problems.error("pvi-invalid", Position(source.name), f"the name of a PVI device file ends with {_SUFFIX}")
        return None
    folders = [*search, path.parent]
    if not _parents_readable(files, source, folders, (path.name,), problems):
        return None
    device = _load(source, folders, problems)
    if device is None:
        return None
    return PviDevice(source, device.label, tuple(_components(device.children)))


_PARENT = re.compile(r"""\b(?:parent|file_name)["']?[ \t]*:\s*["']?([\w.\-]+)""")


def _parents_readable(
    files: DescriptionFiles, source: Source, folders: Sequence[Path], including: tuple[str, ...], problems: Problems
) -> bool:
    """Read the parents first, so that they lie below the roots, stand in the manifest and form no cycle."""
    for found in _PARENT.finditer(source.text):
        name = found[1] + _SUFFIX
        at = source.position(found.start(1))
        if name in including:
            problems.error("pvi-invalid", at, f"{found[1]} is its own parent")
            return False
        path = next((file for file in (f / name for f in folders) if files.exists(file) or is_file(file)), None)
        # A missing parent is for pvi to refuse, because only it knows which names are built in.
        parent = files.read(path, at) if path else None
        if path and (parent is None or not _parents_readable(files, parent, folders, (*including, name), problems)):
            return False
    return True


def _load(source: Source, folders: Sequence[Path], problems: Problems) -> Device | None:
    # Imported here because it takes longer than reading most files.
    from pvi.device import Device
    from pydantic import ValidationError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        # pvi prints what it refuses, and reads a field that it calls deprecated.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            device = Device.deserialize(source.path)
            device.deserialize_parents(list(folders))
            return device
    except ValidationError as error:
        _report(source, [(fault["loc"], fault["msg"]) for fault in error.errors()], problems)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        position = Position(source.name, mark.line + 1, mark.column + 1) if mark else Position(source.name)
        problems.error("pvi-invalid", position, f"not valid YAML: {error.problem or error}")
    except RecursionError:
        problems.error("pvi-invalid", Position(source.name), "it is nested too deeply")
    except (YAMLError, ValueError, TypeError, AttributeError, OSError) as error:
        # What pvi cannot find it reports with absolute folders, which mean nothing to other people.
        message = (str(error).splitlines() or [type(error).__name__])[0].partition(" in [")[0]
        problems.error("pvi-invalid", Position(source.name), message)
    return None


def _report(source: Source, faults: Sequence[tuple[tuple[int | str, ...], str]], problems: Problems) -> None:
    """Report what pvi refuses, each with the YAML node it means."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        root = YAML(typ="safe", pure=True).compose(source.text)
    except (YAMLError, RecursionError):
        # This reader is another than the one that pvi read the file with, and stricter with deep nesting.
        root = None
    # A component that fits no kind is also reported as a bad Include, which says nothing more.
    shown = [fault for fault in faults if "Include" not in fault[0]] or list(faults)
    for location, message in shown[:MOST_PROBLEMS]:
        position, keys = _node(source, root, location)
        problems.error("pvi-invalid", position, f"{'.'.join(keys)}: {message}" if keys else message)
    if len(shown) > MOST_PROBLEMS:
        problems.error("pvi-invalid", Position(source.name), f"and {len(shown) - MOST_PROBLEMS} more")


def _node(source: Source, root: Node | None, location: tuple[int | str, ...]) -> tuple[Position, list[str]]:
    """Find the YAML node of a validation error; parts that are no keys name a union's member."""
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    node, keys = root, []
    for part in location:
        inner = None
        if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            inner = node.value[part]
        elif isinstance(node, MappingNode):
            inner = next((value for key, value in node.value if key.value == part), None)
        if inner is not None:
            node = inner
            keys.append(str(part))
    if location and isinstance(location[-1], str) and location[-1] not in keys:
        keys.append(location[-1])
    if node is None:
        return Position(source.name), keys
    return Position(source.name, node.start_mark.line + 1, node.start_mark.column + 1), keys


def _components(children: Sequence[ComponentUnion | Include]) -> Iterator[PviComponent]:
    from pvi.device import DeviceRef, Group, Signal, to_title_case

    for child in children:
        if isinstance(child, Group):
            inside = tuple(_components(child.children))
            yield PviGroup(
                child.name, child.label or to_title_case(child.name), child.description or "", child.layout.type, inside
            )
        elif isinstance(child, Signal):
            yield _signal(child)
        elif isinstance(child, DeviceRef):
            macros = tuple(child.macros.items())
            yield PviDeviceRef(
                child.name, child.label or to_title_case(child.name), child.description or "", child.pv, macros
            )


def _signal(signal: Signal) -> PviSignal:
    from pvi.device import SignalR, SignalW, SignalX, to_title_case

    read = signal if isinstance(signal, SignalR) else None
    write = signal if isinstance(signal, SignalW) else None
    return PviSignal(
        name=signal.name,
        label=signal.label or to_title_case(signal.name),
        description=signal.description or "",
        access="x" if isinstance(signal, SignalX) else signal.access_mode,
        read_pv=read.read_pv if read else "",
        write_pv=write.write_pv if write else "",
        read_widget=read.read_widget.type if read and read.read_widget else "",
        write_widget=write.write_widget.type if write else "",
        value=signal.value if isinstance(signal, SignalX) else "",
    )
