"""The layout of an HDF5 file: which of its datasets takes what, as areaDetector's layout XML says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

DEFAULT: Final = """
<group name="entry">
  <attribute name="NX_class" source="constant" value="NXentry" type="string"/>
  <group name="instrument">
    <attribute name="NX_class" source="constant" value="NXinstrument" type="string"/>
    <group name="detector">
      <attribute name="NX_class" source="constant" value="NXdetector" type="string"/>
      <dataset name="data" source="detector" det_default="true">
        <attribute name="NX_class" source="constant" value="SDS" type="string"/>
        <attribute name="signal" source="constant" value="1" type="int"/>
      </dataset>
      <group name="NDAttributes">
        <attribute name="NX_class" source="constant" value="NXcollection" type="string"/>
        <dataset name="ColorMode" source="ndattribute" ndattribute="ColorMode"/>
      </group>
    </group>
    <group name="NDAttributes" ndattr_default="true">
      <attribute name="NX_class" source="constant" value="NXcollection" type="string"/>
    </group>
  </group>
  <group name="data">
    <attribute name="NX_class" source="constant" value="NXdata" type="string"/>
    <hardlink name="data" target="/entry/instrument/detector/data"/>
  </group>
</group>
"""
"""What areaDetector uses where no layout is given, without its datasets on the performance of writing."""

Scalar = str | int | float


class LayoutError(ValueError):
    """A layout XML that cannot be used."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset.

    :param source: `detector`, `ndattribute` or `constant`.
    :param attribute: the name of the attribute that it takes.
    :param value: what it is, when it is constant.
    """

    path: str
    source: str
    attribute: str = ""
    value: Scalar = ""


@dataclass
class Layout:
    """A file's layout; paths are absolute.

    :param attributes: path, name and value of what is attached to groups and datasets.
    :param links: path and target.
    :param rest: the group of the attributes of frames that no dataset names; None when they are left out.
    """

    groups: list[str] = field(default_factory=list)
    datasets: list[Dataset] = field(default_factory=list)
    attributes: list[tuple[str, str, Scalar]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    rest: str | None = None

    @property
    def frames(self) -> list[str]:
        """The datasets that take the frames."""
        return [dataset.path for dataset in self.datasets if dataset.source == "detector"]


def read_layout(given: str) -> Layout:
    """Read a layout from XML, or from the file of that name; the default where nothing is given.

    :raises LayoutError: when it cannot be used.
    """
    try:
        text = given if "<" in given else Path(given).read_text() if given else DEFAULT
        root = ElementTree.fromstring(text.strip())
        layout = Layout(rest=None if root.get("auto_ndattr_default") == "false" else "/")
        for element in [root] if root.tag == "group" else root:
            _read(element, "", layout)
    except (OSError, UnicodeDecodeError) as error:
        raise LayoutError(f"cannot read the layout {given}") from error
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise LayoutError(f"not a layout: {error}") from error
    if not layout.frames:
        raise LayoutError("no dataset of the layout takes the frames")
    return layout


def _read(element: ElementTree.Element, parent: str, layout: Layout) -> None:
    if element.tag not in ("group", "dataset", "attribute", "hardlink"):
        return
    path = f"{parent}/{element.attrib['name']}"
    match element.tag:
        case "group":
            layout.groups.append(path)
            if element.get("ndattr_default") == "true":
                layout.rest = path
        case "dataset":
            layout.datasets.extend(_dataset(element, path))
        case "attribute":
            if element.get("source", "constant") == "constant":
                layout.attributes.append((parent, element.attrib["name"], _constant(element)))
        case "hardlink":
            layout.links.append((path, element.attrib["target"]))
    for child in element:
        _read(child, path, layout)


def _dataset(element: ElementTree.Element, path: str) -> Iterator[Dataset]:
    match element.get("source", ""):
        case "detector":
            yield Dataset(path, "detector")
        case "ndattribute":
            yield Dataset(path, "ndattribute", attribute=element.attrib["ndattribute"])
        case "constant":
            yield Dataset(path, "constant", value=_constant(element))


def _constant(element: ElementTree.Element) -> Scalar:
    value = element.get("value", "")
    match element.get("type", "string"):
        case "int":
            return int(value)
        case "float":
            return float(value)
    return value
