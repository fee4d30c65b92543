"""The databases of areaDetector itself, served as cameras."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from beamwright_twin import Twin, frame_number
from beamwright_twin.sim.frame import TYPES
from tests.helpers.areadetector import wait_until

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
