"""A motor record over PVA, with each field served as the record definition says."""

from __future__ import annotations

from collections.abc import Mapping

from p4p.nt import NTEnum, NTScalar
from p4p.server import Server, StaticProvider
from p4p.server.thread import SharedPV

from beamwright_generator.tables.record_types import FieldDef, menu, record_type

SCALARS = {"DOUBLE": "d", "FLOAT": "f", "LONG": "i", "ULONG": "I", "SHORT": "h", "USHORT": "H", "UCHAR": "B"}


def serve_motor(name: str, environment: Mapping[str, str]) -> Server:
    """Serve a motor record's fields where `EPICS_PVAS_...` of an environment say."""
    motor = record_type("motor")
    assert motor is not None
    provider = StaticProvider("motor")
    for field in motor.fields.values():
        if field.dbf != "NOACCESS":
            provider.add(f"{name}.{field.name}", serve_field(field))
    return Server(providers=[provider], conf=dict(environment), useenv=False)


def serve_field(field: FieldDef) -> SharedPV:
    """Serve a field as QSRV does: menus as enums, links and strings as text, numbers by their size."""
    if choices := menu(field.menu):
        return SharedPV(nt=NTEnum(display=True), initial={"index": 0, "choices": list(choices)})
    if field.dbf in SCALARS:
        return SharedPV(nt=NTScalar(SCALARS[field.dbf], display=True), initial=0)
    return SharedPV(nt=NTScalar("s", display=True), initial="")
