"""Cameras of databases as areaDetector has them, and what their XML may say; clients are in `live`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beamwright_twin import frame_number
from beamwright_twin.areadetector.hdf5.layout import LayoutError, read_layout
from beamwright_twin.areadetector.nd_attributes import AttributesError, AttributesStatus, read_attributes
from beamwright_twin.sim.frame import DIGITS, TYPES, draw


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(3, 5), (2, 2), (4, 3, 3), (1, 4)])
@pytest.mark.parametrize("number", [1, 99, 100, 12_345_678])
def test_a_frame_shows_its_number_in_any_type(dtype: str, shape: tuple[int, ...], number: int) -> None:
    pixels = draw(number, shape, dtype)
    assert (pixels.shape, str(pixels.dtype)) == (shape, dtype)
    assert frame_number(pixels) == number


def test_behind_the_number_a_frame_is_a_slope() -> None:
    pixels = draw(250, (3, 8), "uint8", start=(1, 2))
    rows, columns = np.indices((3, 8))
    assert (pixels.reshape(-1)[DIGITS:] == ((1 + 2 + rows + columns + 250) % 100).reshape(-1)[DIGITS:]).all()


ATTRIBUTES = '<Attributes><Attribute name="A" type="PARAM" source="$(WHAT)" datatype="$(TYPE=INT)"/></Attributes>'


def test_attributes_have_macros(tmp_path: Path) -> None:
    (attribute,) = read_attributes(ATTRIBUTES, "WHAT=GAIN, TYPE=DOUBLE")
    assert (attribute.name, attribute.kind, attribute.source, attribute.dtype) == ("A", "PARAM", "GAIN", "f8")
    file = tmp_path / "attributes.xml"
    file.write_text(ATTRIBUTES)
    assert read_attributes(str(file), "WHAT=GAIN")[0].dtype == "i4"
    assert read_attributes("") == ()


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("/none/attributes.xml", AttributesStatus.NOT_FOUND),
        (ATTRIBUTES, AttributesStatus.MACRO),
        ("<Attributes><Attribute", AttributesStatus.SYNTAX),
        ("<Attributes><Attribute type='PARAM'/></Attributes>", AttributesStatus.SYNTAX),
        ("<Attributes><Attribute name='A' type='PARAM' datatype='SOUND'/></Attributes>", AttributesStatus.SYNTAX),
    ],
)
def test_attributes_that_cannot_be_used(given: str, status: AttributesStatus) -> None:
    with pytest.raises(AttributesError) as caught:
        read_attributes(given)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("/none/layout.xml", "cannot read the layout"),
        ("<group", "not a layout"),
        ('<group name="a"/>', "no dataset of the layout takes the frames"),
        ('<group name="a"><dataset name="d" source="constant" value="x" type="int"/></group>', "not a layout"),
    ],
)
def test_layouts_that_cannot_be_used(given: str, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        read_layout(given)


def test_the_default_layout_is_what_ophyd_async_reads() -> None:
    layout = read_layout("")
    assert ("/entry/data/data", layout.frames[0]) in layout.links
    assert layout.rest == "/entry/instrument/NDAttributes"
