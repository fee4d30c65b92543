"""The box of the example beamline under the prefix of the first argument, changed as the second says.

`same` serves it as the twin does, `changed` serves a pulse generator with other types; `no-pvi` serves no PVI. Nothing
is wired to it: what its encoders read is put to `setp`.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
import time
from pathlib import Path

from child import announce, until_told

from beamwright_generator.basics.source_text import Source
from beamwright_generator.parse.yaml.snapshot_file import parse_snapshot
from beamwright_generator.problems import Problems
from beamwright_twin.description.pvi_names import pv_types
from beamwright_twin.processes.child_process import Parent
from beamwright_twin.processes.pvi_ioc import PviIoc

SNAPSHOT = Path(__file__).resolve().parents[3] / "examples" / "x01" / "snapshots" / "panda.yaml"
PREFIX, CHANGE = sys.argv[1:]

text = SNAPSHOT.read_text(encoding="utf-8").replace("BL01X-EA-PANDA-01:", PREFIX)
if CHANGE == "changed":
    text = re.sub(r'(Pulse:\d:Width"\n +type: )float64', r"\1str", text)
    text = text.replace("[Positive, Negative, Either]", "[Positive, Negative, Both]")
snapshot = parse_snapshot(Source(SNAPSHOT, SNAPSHOT.name, text), Problems())
assert snapshot is not None
gone = [pv for pv, kind in pv_types(snapshot.root).items() if kind == "pvi" and CHANGE == "no-pvi"]
config = {"epoch": time.monotonic(), "speed": 1.0, "trees": [(SNAPSHOT.name, text)], "wires": [], "gone": gone}
box = PviIoc(config, Parent(io.StringIO()))
for number, name in ((1, "x"), (2, "y")):
    box.execute("put", [f"{PREFIX}Inenc:{number}:ValCapture", "Value"])
    box.execute("put", [f"{PREFIX}Inenc:{number}:ValDataset", name])
announce()
asyncio.run(until_told())
