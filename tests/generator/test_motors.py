"""Every database of the corpus that holds a motor connects, with all of its records, to its twin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from beamwright_generator.catalogue.class_rows import ClassRows
from beamwright_generator.catalogue.entries import SignalRow
from beamwright_generator.model import Device, DeviceType
from beamwright_generator.parse.database.loader import LoadedDatabase, load_database
from beamwright_generator.parse.macros.maclib import MacroScope, expand
from beamwright_generator.pipeline import generate_beamline
from beamwright_generator.problems import Problems
from beamwright_generator.write.output_plan import write
from benchmarks.databases import Corpus, Load
from benchmarks.macro_values import load_of

CLIENT = Path(__file__).with_name("connect_live.py")
ROOT = Path(__file__).resolve().parents[2]
MOTOR = "motor"


@dataclass
class Motors:
    """Databases that are loaded side by side in one IOC, each with a prefix of its own.

    :param loaded: the records by the file that they come from.
    """

    file: Path
    loads: list[Load]
    loaded: dict[str, LoadedDatabase]


@pytest.fixture(scope="module")
def motors(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Motors:
    found = Corpus.of(corpus)
    loads, loaded = [], {}
    for number, path in enumerate(found.paths, 1):
        source = found.files.read(path)
        if source is None or MOTOR not in source.text or found.is_substitutions(path):
            continue
        load = load_of(found, path, number)
        records = LoadedDatabase()
        for database, macros in load.rows:
            load_database(found.files, database, macros, load.search, Problems(), cwd=path.parent, into=records)
        if any(record.type == MOTOR for record in records.records.values()):
            loads.append(load)
            loaded[load.shown] = records
    file = tmp_path_factory.mktemp("motors") / "beamline.yaml"
    ioc = {
        "name": "MOTORS",
        "search": [str(folder) for folder in found.folders],
        "databases": [{"file": str(load.path), "macros": load.macros} for load in loads],
    }
    file.write_text(json.dumps({"name": "motors", "roots": [str(corpus)], "iocs": [ioc]}), encoding="utf-8")
    return Motors(file, loads, loaded)


def pvs_of(device: Device, row: SignalRow, kind: DeviceType | None) -> list[str]:
    """Give the PVs of a signal of a placed device."""
    values = dict(device.arguments)
    scope = MacroScope({macro: values[keyword] for keyword, macro in kind.parameters} if kind else {})
    sides = (row.read, row.write) if row.write else (row.read,)
    return [device.prefix + expand(side, scope) for side in sides]


def answer_of(environment: dict[str, str], folder: Path, devices: list[str]) -> dict[str, Any]:
    path = os.pathsep.join([str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(CLIENT)],
        input=json.dumps({"module": "beamwright_generated.beamlines.motors", "devices": devices}),
        env=os.environ | environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_every_motor_database_connects_with_all_its_records_to_its_twin(motors: Motors, tmp_path: Path) -> None:
    pytest.importorskip("pvxslibs", reason="no IOC to connect to: pvxslibs is not installed")
    from beamwright_twin import Twin

    problems = Problems()
    generated = generate_beamline(motors.file, tmp_path, problems, lambda done, total: None)
    assert generated is not None, "\n".join(map(str, problems))
    assert generated.model is not None
    assert generated.model.beamline is not None
    write(generated.differences, generated.package, generated.manifest)
    placed = [device for device in generated.model.beamline.devices if isinstance(device, Device)]
    types = {kind.ref: kind for kinds in generated.model.modules.values() for kind in kinds}
    rows = ClassRows(types)
    assert len(placed) == len(generated.model.beamline.devices)
    assert {"asyn_motor.db", "basic_asyn_motor.db"} <= {load.path.name for load in motors.loads}
    with Twin(motors.file) as twin:
        served = set(twin.records)
        answer = answer_of(twin.environment, tmp_path, [device.place.name for device in placed])
    assert answer["against"] == []
    found = {(device, attribute): rest for device, attribute, *rest in answer["found"]}
    wanted = {
        (device.place.name, row.attribute): [row.access, row.datatype, pvs_of(device, row, types.get(device.type))]
        for device in placed
        for row in rows.of(device.type)
    }
    assert {key: about[:3] for key, about in found.items()} == wanted
    assert [key for key, (access, datatype, _, got) in found.items() if access != "SignalW" and got != datatype] == []
    assert served == {pv.partition(".")[0] for *_, pvs, _ in found.values() for pv in pvs}
    assert served == {name for records in motors.loaded.values() for name in records.records}
    assert len(served) > 35
