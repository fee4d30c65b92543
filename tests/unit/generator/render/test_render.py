"""Literals and docstrings: whatever stands in a text, Python reads it back, and ruff leaves it alone."""

from __future__ import annotations

import ast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beamwright_generator.model import (
    Access,
    ArrayType,
    BeamlineModule,
    BuiltinType,
    Child,
    ClassRef,
    ConnectionPolicy,
    Device,
    DeviceType,
    EnumKind,
    EnumState,
    EnumType,
    Format,
    Member,
    Model,
    Placement,
    Signal,
    Vector,
)
from beamwright_generator.render.package_text import module_path, render
from beamwright_generator.render.polish import polish
from beamwright_generator.render.python_text import docstring, literal, sentence

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\"'\\\n\t{}#"))


@given(texts)
@example("\\")
@example("'\"")
@example("\x00\x1f\x7f\u2028\U0010ffff")
def test_a_literal_means_its_text(text: str) -> None:
    written = literal(text)
    assert ast.literal_eval(written) == text
    assert written.isprintable()


@given(texts)
@example('"""')
@example('""')
@example('a\\"')
@example('\\"""')
@example('""""""')
@example("\\")
def test_a_docstring_is_one_printable_string(text: str) -> None:
    written = docstring(text)
    (statement,) = ast.parse(written).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)
    assert statement.value.value == "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    assert written.isprintable()


@pytest.mark.parametrize(
    "text", ['say "x"', '"', '""', '"""', "it's", "\\", '\\"', '"x"', "'", "'\"", "é\n", "a" * 200]
)
def test_the_formatter_leaves_both_alone(text: str) -> None:
    module = f"{docstring(text)}\n\nx = {literal(text)}\n"
    if docstring(text).startswith('""""'):
        module = module.replace('""""', '""" "', 1)
    assert polish({"x.py": module})["x.py"] == module


@pytest.mark.parametrize(
    ("text", "ended"), [("x", "x."), ("x.", "x."), ("x?", "x?"), ("x!", "x!"), (" x ", "x."), ("x:", "x:.")]
)
def test_a_sentence_ends(text: str, ended: str) -> None:
    assert sentence(text) == ended


def test_the_path_of_a_module() -> None:
    assert module_path("mysite.devices.devices.ad_base", "mysite.devices") == "devices/ad_base.py"


PUMP = ClassRef("beamwright_generated.devices.pump", "Pump")
MODE = EnumType("PumpMode", EnumKind.SUBSET, (EnumState("OFF", "Off"), EnumState("ON", "On")))
MEMBERS = (
    Signal(
        "speed",
        Access.READ_WRITE,
        BuiltinType("float"),
        "S_RBV",
        "S",
        format=Format.HINTED,
        doc="Pump speed",
        group="Motion",
    ),
    Signal("target", Access.READ_WRITE, BuiltinType("int"), "GET", "PUT", group="Motion"),
    Signal("mode", Access.READ, ClassRef(PUMP.module, "PumpMode"), "MODE"),
    Signal("wave", Access.READ, ArrayType("float32"), "W"),
    Signal("names", Access.WRITE, BuiltinType("Sequence[str]"), "N"),
    Signal("go", Access.COMMAND, None, "GO"),
    Signal("busy", Access.READ_WRITE, BuiltinType("bool"), "B", busy=True),
    Child("x", ClassRef("beamwright_runtime", "Motor"), "X", doc="Across"),
    Child("made", ClassRef("beamwright_runtime", "Motor"), "Y", declared=False),
    Vector("plates", ClassRef("beamwright_runtime", "Motor"), ((1, "P1"), (2, "P2"))),
)


def rendered(*members: Member) -> str:
    device = DeviceType(PUMP, "A pump", (), tuple(members), (MODE,), (("n", "N"),), ("db/pump.template",))
    return polish(render(Model("b01", {PUMP.module: (device,)}, None)))["devices/pump.py"]


def test_every_kind_of_member() -> None:
    text = rendered(*MEMBERS)
    for line in (
        "class PumpMode(SubsetEnum):",
        "class Pump(RecordDevice, StandardReadable):",
        '    """A pump."""',
        "    # Motion",
        '    speed: A[SignalRW[float], PvSuffix.rbv("S"), Format.HINTED_SIGNAL]',
        '    """Pump speed"""',
        '    target: A[SignalRW[int], PvSuffix("GET", "PUT")]',
        '    mode: A[SignalR[PumpMode], PvSuffix("MODE")]',
        '    wave: A[SignalR[Array1D[np.float32]], PvSuffix("W")]',
        '    names: A[SignalW[Sequence[str]], PvSuffix("N")]',
        '    go: A[TriggerableCommand, PvSuffix("GO")]',
        '    busy: A[SignalRW[bool], PvSuffix("B"), EpicsOptions(wait=non_zero)]',
        '    x: A[Motor, PvSuffix("X")]',
        '        super().__init__(prefix, name, connector, macros={"N": n})',
        '        self.made = Motor(self.prefix + "Y")',
        '        self.plates = DeviceVector({1: Motor(self.prefix + "P1"), 2: Motor(self.prefix + "P2")})',
    ):
        assert line in text.splitlines(), line
    assert text.count("# Motion") == 1


def test_only_what_is_used_is_imported() -> None:
    text = rendered(MEMBERS[1])
    tree = ast.parse(text)
    names = {alias.asname or alias.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert names - {"annotations"} <= used
    assert "Format" not in names
    assert "np" not in text.split()


def test_a_beamline_module_names_its_devices_in_order() -> None:
    devices = tuple(
        Device(Placement(name, f"Pump {name}", "IOC", ConnectionPolicy.LAZY, name == "b", wait), PUMP, f"B:{name}:")
        for name, wait in (("b", None), ("a", 2.5))
    )
    text = polish(render(Model("b01", {}, BeamlineModule("b01", "", "b.yaml", 1, devices))))["beamlines/b01.py"]
    assert '__all__ = ["a", "b", "devices"]' in text
    assert text.index("def b() -> Pump:") < text.index("def a() -> Pump:")
    assert '@devices.factory(policy=Policy.LAZY, optional=True, ioc="IOC")' in text
    assert '@devices.factory(policy=Policy.LAZY, timeout=2.5, ioc="IOC")' in text
    assert '"""Beamline b01: 2 devices from 1 IOC."""' in text
