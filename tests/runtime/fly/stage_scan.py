"""Fly a snaked grid with motor records and a PandA over PVA, pause it as the arguments say, and print what came out."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import bluesky.plan_stubs as bps
import numpy as np
from bluesky import RunEngine
from ophyd_async.core import DetectorTrigger, init_devices
from ophyd_async.fastcs.panda import PosOutScaleOffset
from scanspec.specs import Fly, Linspace

from beamwright_generated.beamlines import x01
from beamwright_generated.devices.panda import PandaBitMux, PandaDevice
from beamwright_runtime.fly import (
    FlownDetector,
    FlyScanner,
    MotorMotion,
    PositionCompareTriggers,
    Scan,
    SequencerTriggers,
    Timing,
    rows_of,
)
from beamwright_runtime.fly.plans import fly_scan
from tests.runtime.fly.beamline import Disturbed
from tests.runtime.fly.rig import paths_in

folder, source, *offsets = sys.argv[1:]
engine = RunEngine({})
with init_devices():
    x, y = x01.stage_x(), x01.stage_y()
    panda = PandaDevice("pva://BL01X-EA-PANDA-01:", paths_in(Path(folder)))
positions = {x: PosOutScaleOffset.from_inenc(panda, 1), y: PosOutScaleOffset.from_inenc(panda, 2)}
engine(bps.mv(panda.pcap.trig, PandaBitMux.SEQ1_OUTA if source == "sequencer" else PandaBitMux.PCOMP1_OUT))
scanner = FlyScanner(
    [FlownDetector(panda, trigger=DetectorTrigger.EXTERNAL_LEVEL)],
    MotorMotion([x, y]),
    SequencerTriggers(panda.seq[1], positions)
    if source == "sequencer"
    else PositionCompareTriggers(panda.pcomp[1], x, positions[x]),
    timing=Timing(stall=3.0, settle=0.2, step=5.0),
)
spec = Fly(0.1 @ (Linspace(y, 0, 1, 2) * ~Linspace(x, 0, 2.2, 12)))
began = time.monotonic()
disturbed = Disturbed(engine)
run = disturbed.fly(fly_scan(scanner, spec, flush_period=0.2), *map(float, offsets))
took = time.monotonic() - began
points = Scan(spec, flown={x, y}).points()
rows = rows_of(run.segments(), len(points))
data = run.datasets()
print(
    json.dumps(
        {
            "exit_status": run.stop["exit_status"],
            "rows": rows.tolist(),
            "told": run.told(),
            "written": {key: len(values) for key, values in data.items()},
            "segments": run.segments(),
            "errors": {
                name: float(np.max(np.abs(data[name][rows] - points.lower[axis])))
                for name, axis in (("x", x), ("y", y))
            },
            "took": took,
        }
    )
)
