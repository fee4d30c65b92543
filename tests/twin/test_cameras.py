"""Cameras of databases as areaDetector has them, and what their XML may say; clients are in `live`."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from beamwright_twin import Twin, frame_number
from beamwright_twin.areadetector.hdf5.layout import LayoutError, read_layout
from beamwright_twin.areadetector.nd_attributes import AttributesError, AttributesStatus, read_attributes
from beamwright_twin.sim.frame import DIGITS, TYPES, draw
from tests.twin.areadetector import wait_until

BEAMLINE = """
name: ad
iocs:
  - name: AD
    databases:
      - {file: simDetector.template, macros: {P: "AD:", R: "cam1:", PORT: SIM1, ADDR: 0, TIMEOUT: 1}}
      - {file: NDFileHDF5.template, macros: {P: "AD:", R: "HDF1:", PORT: HDF1, NDARRAY_PORT: SIM1, ADDR: 0, TIMEOUT: 1}}
"""


def test_databases_of_areadetector_are_cameras(corpus: Path, tmp_path: Path) -> None:
    core = corpus / "areaDetector+ADCore/ADApp/Db"
    (sim,) = (path.parent for path in corpus.glob("areaDetector+ADSimDetector/**/simDetector.template"))
    for folder in (core, sim):
        for template in folder.glob("*.template"):
            (tmp_path / template.name).write_bytes(template.read_bytes())
    file = tmp_path / "beamline.yaml"
    file.write_text(BEAMLINE)
    with Twin(file) as twin:
        for record, value in (
            ("HDF1:FilePath", str(tmp_path)),
            ("HDF1:FileName", "frames"),
            ("HDF1:FileTemplate", "%s%s.h5"),
            ("HDF1:FileWriteMode", "Stream"),
            ("HDF1:LazyOpen", 1),
            ("HDF1:NumCapture", 5),
            ("HDF1:EnableCallbacks", 1),
            ("HDF1:Capture", 1),
            ("cam1:ArrayCallbacks", 1),
            ("cam1:AcquireTime", 0.001),
            ("cam1:AcquirePeriod", 0.002),
            ("cam1:ImageMode", "Multiple"),
            ("cam1:NumImages", 5),
            ("cam1:Acquire", 1),
        ):
            twin.put(f"AD:{record}", value)
        wait_until(lambda: not twin.get("AD:HDF1:Capture_RBV"))
        # No database tells the size of the sensor, and records take over what the driver has.
        assert [twin.get(f"AD:cam1:{name}") for name in ("SizeX", "SizeX_RBV", "MaxSizeX_RBV", "DataType")] == [
            *(1024, 1024, 1024),
            TYPES.index("uint8"),
        ]
    with h5py.File(tmp_path / "frames.h5") as content:
        assert [frame_number(frame) for frame in content["/entry/data/data"]] == [1, 2, 3, 4, 5]
        assert content["/entry/data/data"].dtype == np.uint8


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
