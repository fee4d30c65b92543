"""A made-up beamline of any size, with the mix of records that real detector and motion templates have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

RECORDS_PER_TEMPLATE = 100
TEMPLATES_PER_IOC = 10

_THINGS = [
    "Gain",
    "Offset",
    "Bias",
    "Voltage",
    "Current",
    "Speed",
    "Width",
    "Delay",
    "Phase",
    "Level",
    "Flow",
    "Pressure",
    "Angle",
    "Ratio",
    "Limit",
]
_CHOICES = ["Fixed", "Single", "Multiple", "Continuous", "Internal", "External", "Software", "Hardware", "Fast", "Slow"]
_LINK = "@asyn($(PORT),$(ADDR=0),$(TIMEOUT=1))"


@dataclass(frozen=True)
class Size:
    """How large a synthetic beamline is."""

    templates: int
    instances: int = 10

    @property
    def records(self) -> int:
        """The number of records over all IOCs."""
        return self.templates * self.instances * RECORDS_PER_TEMPLATE

    @property
    def iocs(self) -> list[range]:
        """The template numbers that each IOC loads."""
        return [
            range(first, min(first + TEMPLATES_PER_IOC, self.templates + 1))
            for first in range(1, self.templates + 1, TEMPLATES_PER_IOC)
        ]


def write_beamline(folder: Path, size: Size) -> Path:
    """Write databases, boot scripts, substitutions and the beamline file; return the beamline file's path."""
    databases = folder / "db"
    databases.mkdir(parents=True)
    _write(databases / "unit.template", list(_base_records()))
    for number in range(1, size.templates + 1):
        records = ['include "unit.template"\n', *_own_records(number)]
        _write(databases / f"unit{number:03}.template", records)
    for ioc, numbers in enumerate(size.iocs, start=1):
        _write_ioc(folder / f"ioc{ioc:02}", ioc, numbers, size.instances)
    return _write_beamline_file(folder, len(size.iocs))


def _write_beamline_file(folder: Path, iocs: int) -> Path:
    lines = ["name: synth", f"title: {iocs} synthetic IOCs", "search: [db]", "iocs:"]
    for ioc in range(1, iocs + 1):
        lines += [f"  - name: SYN-IOC-{ioc:02}", f"    startup: ioc{ioc:02}/st.cmd"]
    path = folder / "beamline.yaml"
    _write(path, [f"{line}\n" for line in lines])
    return path


def _write_ioc(folder: Path, ioc: int, numbers: range, instances: int) -> None:
    """Load half of the templates from the boot script itself and half through substitutions."""
    folder.mkdir()
    script = [f'epicsEnvSet("PREFIX", "SYN{ioc:02}")\n', 'epicsEnvSet("EPICS_DB_INCLUDE_PATH", "../db")\n']
    substitutions = []
    for number in numbers:
        file = f"unit{number:03}.template"
        if number % 2:
            script += [
                f'dbLoadRecords("../db/{file}", "P=$(PREFIX)-U{number:03}-{instance:02}:,R=DEV:,'
                f'PORT=U{number:03}.{instance:02},ADDR=0,TIMEOUT=1")\n'
                for instance in range(1, instances + 1)
            ]
        else:
            substitutions += [f'file "../db/{file}"\n{{\npattern {{ P, R, PORT, ADDR, TIMEOUT }}\n']
            substitutions += [
                f'{{ "SYN{ioc:02}-U{number:03}-{instance:02}:", "DEV:", "U{number:03}.{instance:02}", 0, 1 }}\n'
                for instance in range(1, instances + 1)
            ]
            substitutions += ["}\n"]
    if substitutions:
        _write(folder / "units.substitutions", substitutions)
        script.append('dbLoadTemplate("units.substitutions")\n')
    _write(folder / "st.cmd", [*script, "iocInit()\n"])


def _write(path: Path, parts: Iterable[str]) -> None:
    path.write_text("".join(parts), encoding="utf-8")


def _record(kind: str, name: str, fields: dict[str, str], *, saved: bool = False) -> str:
    lines = [f'record({kind}, "$(P)$(R){name}")\n{{\n']
    lines += [f'    field({field}, "{value}")\n' for field, value in fields.items()]
    lines += ['    info(autosaveFields, "VAL")\n'] if saved else []
    return "".join([*lines, "}\n\n"])


def _pair(setter: str, getter: str, name: str, interface: str, fields: dict[str, str]) -> Iterator[str]:
    """Yield a setpoint and its readback, as areaDetector templates write them."""
    drive = f"{_LINK}{name.upper()}"
    yield _record(setter, name, {"DTYP": interface, "OUT": drive, "PINI": "YES", **fields}, saved=True)
    yield _record(getter, f"{name}_RBV", {"DTYP": interface, "INP": drive, "SCAN": "I/O Intr", **fields})


def _states(count: int, first: int) -> dict[str, str]:
    prefixes = ("ZR", "ON", "TW", "TH", "FR", "FV", "SX", "SV")
    fields = {}
    for value, prefix in enumerate(prefixes[:count]):
        fields[f"{prefix}VL"] = str(value)
        fields[f"{prefix}ST"] = _CHOICES[(first + value) % len(_CHOICES)]
    return fields


def _base_records() -> Iterator[str]:
    """Yield the 20 records that every template includes."""
    for name in ("Manufacturer", "Model", "SerialNumber", "FirmwareVersion"):
        link = f"{_LINK}{name.upper()}"
        yield _record("stringin", f"{name}_RBV", {"DTYP": "asynOctetRead", "INP": link, "SCAN": "I/O Intr"})
    yield from _pair("bo", "bi", "Acquire", "asynInt32", {"ZNAM": "Done", "ONAM": "Acquire"})
    yield from _pair("ao", "ai", "AcquireTime", "asynFloat64", {"DESC": "Exposure", "PREC": "3", "EGU": "s"})
    yield from _pair("ao", "ai", "AcquirePeriod", "asynFloat64", {"PREC": "3", "EGU": "s"})
    yield from _pair("longout", "longin", "NumImages", "asynInt32", {})
    yield from _pair("mbbo", "mbbi", "ImageMode", "asynInt32", _states(3, 1))
    yield from _pair("longout", "longin", "ArrayCounter", "asynInt32", {})
    source = {"INP": f"{_LINK}STATUS", "SCAN": "I/O Intr"}
    yield _record("mbbi", "State_RBV", {"DTYP": "asynInt32", **source, **_states(6, 2)})
    octets = {"DTYP": "asynOctetRead", "FTVL": "CHAR", "NELM": "256"}
    yield _record("waveform", "StatusMessage_RBV", {**octets, **source})
    yield _record("ai", "TimeStamp_RBV", {"DTYP": "asynFloat64", **source, "PREC": "3"})
    yield _record("calc", "Remaining", {"INPA": "$(P)$(R)NumImages NPP", "INPB": "$(P)$(R)ArrayCounter", "CALC": "A-B"})


def _own_records(number: int) -> Iterator[str]:
    """Yield the 80 records that template `number` adds to the base."""
    for index, thing in enumerate(_THINGS):
        fields = {"DESC": f"{thing} of unit {number}", "PREC": str(index % 5), "EGU": "mm"}
        yield from _pair("ao", "ai", f"{thing}{number}", "asynFloat64", fields)
    for index in range(6):
        yield from _pair("mbbo", "mbbi", f"Mode{index}U{number}", "asynInt32", _states(2 + index % 6, number + index))
        yield from _pair("bo", "bi", f"Enable{index}U{number}", "asynInt32", {"ZNAM": "Disable", "ONAM": "Enable"})
    for index in range(5):
        yield from _pair("longout", "longin", f"Count{index}U{number}", "asynInt32", {"EGU": "counts"})
    for name in (f"Label{number}", f"Comment{number}"):
        yield _record("stringout", name, {"DTYP": "asynOctetWrite", "OUT": f"{_LINK}{name.upper()}"}, saved=True)
        yield _record("stringin", f"{name}_RBV", {"DTYP": "asynOctetRead", "INP": f"{_LINK}{name.upper()}"})
    for index, kind in enumerate(("DOUBLE", "FLOAT", "LONG", "CHAR")):
        link = {"INP": f"{_LINK}TRACE{index}", "SCAN": "I/O Intr"}
        yield _record("waveform", f"Trace{index}U{number}", {**link, "FTVL": kind, "NELM": "1024"})
        yield _record("calc", f"Mean{index}U{number}", {"INPA": f"$(P)$(R)Gain{number}_RBV CP MS", "CALC": "A/2"})
    for name in (f"Reset{number}", f"Home{number}"):
        yield _record("bo", name, {"DTYP": "asynInt32", "OUT": f"{_LINK}{name.upper()}", "ONAM": name})
    for name in ("Temperature", "Humidity"):
        link = {"DTYP": "asynFloat64", "INP": f"{_LINK}{name.upper()}", "SCAN": "1 second"}
        yield _record("ai", f"{name}{number}", {**link, "PREC": "1", "EGU": "%" if name == "Humidity" else "C"})
