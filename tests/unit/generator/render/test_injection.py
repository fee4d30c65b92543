"""No text of a description becomes code: it comes out as a string, letter for letter, or it is refused."""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beamwright_generator.pipeline import generate_beamline
from beamwright_generator.problems import Problems
from tests.helpers import generator_site as site

pytestmark = pytest.mark.long

# -- what generated code may consist of

STATEMENTS = (
    *(ast.Module, ast.ImportFrom, ast.Import, ast.alias, ast.ClassDef, ast.FunctionDef, ast.arguments, ast.arg),
    *(ast.AnnAssign, ast.Assign, ast.Expr, ast.Return, ast.With, ast.withitem, ast.Load, ast.Store, ast.keyword),
)
EXPRESSIONS = (ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Dict, ast.Call, ast.BinOp)
OPERATORS = (ast.Add, ast.BitOr)
MODULES = {
    *("__future__", "collections.abc", "typing", "numpy", "ophyd_async.core", "ophyd_async.epics.core"),
    *("ophyd_async.epics.adcore", "ophyd_async.fastcs", "beamwright_runtime"),
}
CALLED = {
    *("PvSuffix", "PvSuffix.rbv", "EpicsOptions", "DeviceVector", "Beamline", "super", "super().__init__"),
    *("devices.factory", "self.add_children_as_readables"),
}
BUILTINS = {"None", "bool", "devices", "float", "int", "self", "str", "super", "True"}


def strange(text: str) -> Iterator[str]:
    """Name everything in a module that the templates do not write."""
    tree = ast.parse(text)
    imported = {a.asname or a.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for a in node.names}
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    known = imported | classes | arguments | stored | BUILTINS | {"np"}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module, _, 0) if module in MODULES or str(module).startswith("beamwright_generated."):
                pass
            case ast.Import([ast.alias("numpy", "np") | ast.alias("beamwright_runtime", None)]):
                pass
            case ast.ImportFrom() | ast.Import():
                yield f"import: {ast.unparse(node)}"
            case ast.Call(func) if (called := ast.unparse(func)) not in CALLED | imported | classes:
                if not called.startswith("AreaDetector"):
                    yield f"call: {ast.unparse(node)}"
            case ast.Name(name) if name not in known:
                yield f"name: {name}"
            case ast.Expr(value) if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
                if ast.unparse(value)[:17] != "super().__init__(":
                    yield f"statement: {ast.unparse(node)}"
            case ast.Constant(value) if not (value is None or value is True or isinstance(value, str | int | float)):
                yield f"constant: {value!r}"
        if not isinstance(node, STATEMENTS + EXPRESSIONS + OPERATORS):
            yield f"{type(node).__name__}: {ast.unparse(node) if isinstance(node, ast.expr | ast.stmt) else ''}"


def strings(tree: ast.AST) -> list[str]:
    """Give every string constant that is no docstring and no name of `__all__`, in order."""
    bare = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    bare |= {id(e) for n in ast.walk(tree) if isinstance(n, ast.List) for e in n.elts}
    found = [
        n for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in bare and isinstance(n.value, str)
    ]
    return [str(n.value) for n in sorted(found, key=lambda n: (n.lineno, n.col_offset))]


def test_the_allow_list_finds_code() -> None:
    head = "from typing import Annotated as A\n"
    assert list(strange(head + "class X:\n    y: A[int, 'z']\n")) == []
    for code in ("import os", "eval('1')", "x = __import__", "f'{A}'", "del A", "(lambda: 1)", "b'x'", "A if A else A"):
        assert list(strange(f"{head}{code}\n")) != [], code


# -- from one description to the modules


def generate(folder: Path, files: Mapping[str, str]) -> tuple[Mapping[str, str], Problems]:
    """Generate from a site and check what every text must keep to; empty where the input was refused."""
    problems = Problems()
    generated = generate_beamline(site.make(folder, files), None, problems, lambda done, total: None)
    assert (generated is None) == bool(problems.errors)
    texts = generated.files if generated else {}
    for path, text in texts.items():
        if path.endswith(".py"):
            assert list(strange(text)) == [], path
            assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) == {"\n"}
    return texts, problems


def quoted(text: str) -> str:
    """Write a text as a database value."""
    return "".join(f"\\x{ord(c):02x}" if ord(c) < 32 else f"\\{c}" if c in '"\\' else c for c in text)


def written(text: str) -> str:
    """Write a text as a YAML string."""
    return f'"{"".join(f"{BACKSLASH}U{ord(c):08x}" if not c.isprintable() or c in QUOTED else c for c in text)}"'


BACKSLASH, QUOTED = "\\", '"\\'

HOSTILE = [
    '"',
    "'",
    '"""',
    "'''",
    '""""',
    "\\",
    "\\\\",
    '\\"',
    '\\"""',
    "\n",
    "\r\n",
    "\t",
    "a\nimport os",
    '"""\nimport os\n"""',
    '"); import os; ("',
    "']; import os; ['",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{# x #}",
    "{",
    "}",
    "%s %(x)s {0} {x!r}",
    "# noqa",
    "\x7f",
    "\x01",
    "\u202eevil",
    "\u2028",
    "\u0085",
    "\ufeff",
    "\ue000P\ue001",
    "é ü µ Å",
    "日本",
    "😀",
    "A" * 25,
    " ",
    "  blank  ",
    "None",
    "mro",
    "__class__",
    "_x_",
    "name",
    "value",
    "-",
    "\\N{BULLET}",
    "\\u0041",
]
hostile = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.sampled_from("\"'\\{}%#()[];:, \n\tabN0$_\u202e\u2028é"), max_size=12),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
few = settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="beamwright-test-") as folder:
        yield Path(folder)


@few
@given(states=st.lists(hostile, min_size=1, max_size=4))
@example(states=HOSTILE[:14])
@example(states=HOSTILE[14:28])
@example(states=HOSTILE[28:])
def test_states(scratch: Path, states: list[str]) -> None:
    names = [
        "ZRST",
        "ONST",
        "TWST",
        "THST",
        "FRST",
        "FVST",
        "SXST",
        "SVST",
        "EIST",
        "NIST",
        "TEST",
        "ELST",
        "TVST",
        "TTST",
    ]
    fields = " ".join(f'field({name}, "{quoted(state)}")' for name, state in zip(names, states, strict=False))
    texts, problems = generate(scratch, {"pump.template": f'record(mbbo, "$(P)MODE") {{ {fields} }}\n'})
    if "devices/pump.py" not in texts or any(
        problem.code in ("untyped-record", "undecided-type") for problem in problems
    ):
        assert len(problems) > 0
        return
    module = ast.parse(texts["devices/pump.py"])
    enums = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "PumpMode"]
    found = [
        s.value.value
        for enum in enums
        for s in enum.body
        if isinstance(s, ast.Assign) and isinstance(s.value, ast.Constant)
    ]
    served = [state.partition("\0")[0] for state in states[: len(names)]]
    assert found == [state for state in dict.fromkeys(served) if state.strip()]


@few
@given(text=hostile)
@example(text='"""')
@example(text="\\")
@example(text='ends with "')
@example(text="x" * 10_000)
def test_descriptions_of_records(scratch: Path, text: str) -> None:
    template = f'record(ai, "$(P)A") {{ field(DESC, "{quoted(text)}") field(EGU, "{quoted(text)}") }}\n'
    texts, problems = generate(scratch, {"pump.template": template})
    if not texts:
        assert problems.errors
        return
    (device,) = [n for n in ast.parse(texts["devices/pump.py"]).body if isinstance(n, ast.ClassDef)]
    docs = [n.value.value for n in device.body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    words = " ".join(text.partition("\0")[0].split())
    shown = "".join(character if character.isprintable() else "?" for character in words)
    says_more = re.sub(r"[\W_]", "", shown).lower() != "a"  # which is the attribute's name
    assert docs == ([shown] if shown and says_more and "$(" not in shown and "${" not in shown else [])


@few
@given(name=hostile)
@example(name="A;import os")
@example(name="\\")
@example(name="a\\nb")
@example(name="(x)")
@example(name="x" * 1000)
@example(name="\u202eA")
def test_record_names(scratch: Path, name: str) -> None:
    template = f'record(ai, "$(P){name}") {{}}\nrecord(ai, "$(P)other") {{}}\n'
    texts, problems = generate(scratch, {"pump.template": template})
    if not texts:
        assert problems.errors
        return
    found = strings(ast.parse(texts["devices/pump.py"]))
    assert found == [name, "other"] or "$" in name or len(problems) > 0


@few
@given(text=hostile)
@example(text="x" * 10_000)
@example(text='") or __import__("os").system("true") or ("')
def test_macro_values_in_prefixes(scratch: Path, text: str) -> None:
    load = f"{{file: pump.template, macros: {{P: {written('X:' + text)}}}}}"
    file = f"name: b01\niocs:\n  - name: {written(text)}\n    databases: [{load}]\n"
    texts, problems = generate(scratch, {"beamline.yaml": file + f"title: {written(text)}\n"})
    if not texts:
        assert problems.errors
        return
    found = [s for s in strings(ast.parse(texts["beamlines/b01.py"])) if s != "b01"]
    assert sorted(found) == sorted(filter(None, [f"X:{text}", text])) or set(text) & set("$\\'\"")


@few
@given(text=hostile)
def test_parameters(scratch: Path, text: str) -> None:
    load = f'{{file: pump.template, macros: {{P: "X:", N: {written(text)}}}}}'
    file = f"name: b01\niocs:\n  - name: I\n    databases: [{load}]\n"
    template = 'record(ai, "$(P)A$(N)B") {}\nrecord(ai, "$(P)C") {}\n'
    texts, problems = generate(scratch, {"beamline.yaml": file, "pump.template": template})
    if not texts:
        assert problems.errors
        return
    found = [s for s in strings(ast.parse(texts["beamlines/b01.py"])) if s not in ("b01", "I", "X:")]
    assert found == [text] or set(text) & set("$\\'\"")


@few
@given(text=hostile)
@example(text='"""\nimport os')
@example(text="# x\nimport os")
def test_overrides(scratch: Path, text: str) -> None:
    doc = written(text)
    more = (
        f"overrides:\n  templates:\n    pump.template: {{records: {{SPEED: {{doc: {doc}}}}}}}\n"
        f'  devices:\n    "B01-PUMP-01:": {{doc: {doc}}}\n'
    )
    texts, _ = generate(scratch, {"beamline.yaml": site.beamline(more=more), "pump.template": site.PUMP})
    assert not texts or "class Pump(RecordDevice):" in texts["devices/pump.py"]


@few
@given(text=hostile)
@example(text="a\nimport os")
@example(text="a\u2028import os")
def test_words_of_a_pvi_description(scratch: Path, text: str) -> None:
    doc = written(text)
    pvi = (
        f"label: {doc}\nchildren:\n  - type: Group\n    name: Main\n    label: {doc}\n    layout: {{type: Grid}}\n"
        f"    children: [{{type: SignalR, name: Speed, read_pv: $(P)SPEED, label: {doc}, description: {doc}}}]\n"
    )
    file = site.beamline(more="    pvi: [pump.pvi.device.yaml]\n")
    files = {"beamline.yaml": file, "pump.pvi.device.yaml": pvi, "pump.template": site.PUMP}
    texts, problems = generate(scratch, files)
    assert texts or problems.errors


@few
@given(text=hostile, name=hostile)
@example(text='"""\nimport os', name="import os")
@example(text="\\", name="__init__")
@example(text='"), x=__import__("os"), y=("', name="a: int = __import__('os')")
def test_everything_in_a_snapshot(scratch: Path, text: str, name: str) -> None:
    enum = {"type": "enum", "choices": ["Ready", text, "Third"], "description": text, "units": text}
    columns = {name: {"type": "str[]", "choices": ["A", text]}}
    snapshot = {
        **{"snapshot": "1", "prefix": text, "pvi": text, "description": text, "missing": {name: text}},
        "tree": {
            f"a{name}": {"r": text, "w": f"x{text}", **enum},
            f"b{name}": {"rw": text, "type": "unknown", "nt": text},
            name: {"rw": text, "type": "table", "columns": columns},
            f"c{name}": {"pvi": text, "description": text, "tree": {name: {"x": text, "type": "bool"}}},
            f"d{name}": {
                "vector": {"1": {"tree": {name: {"r": text, **enum}}}, "2": {"tree": {name: enum | {"r": "R"}}}}
            },
            f"e{name}": {"vector": {"1": {"r": text, "w": f"x{text}", **enum}}},
        },
    }
    file = "name: b01\niocs:\n  - {name: I, snapshots: [box.yaml]}\n"
    texts, problems = generate(scratch, {"beamline.yaml": file, "box.yaml": flow(snapshot)})
    assert texts or (problems.errors and not text)
    if texts:
        assert sorted(strings(ast.parse(texts["beamlines/b01.py"]))) == ["I", "b01", "pva://"]
        assert {text, f"x{text}"} < {*strings(ast.parse(texts["devices/box.py"]))}


def flow(value: object) -> str:
    """Write texts, lists and mappings of them as YAML."""
    match value:
        case dict():
            return "{" + ", ".join(f"{flow(key)}: {flow(one)}" for key, one in value.items()) + "}"
        case list():
            return f"[{', '.join(map(flow, value))}]"
        case _:
            return written(str(value))


@pytest.mark.parametrize(
    "name",
    [
        'a".template',
        "a'b.template",
        "a\nimport os.template",
        "a\u2028b.template",
        "\u202eb.template",
        "{{ a }}.template",
        '""".template',
        "a\\.template",
        "import.template",
        "__init__.template",
        "1.template",
        "µ.template",
        "-.template",
        "a;b.template",
        ".template",
    ],
)
def test_file_names(tmp_path: Path, name: str) -> None:
    file = f"name: b01\niocs:\n  - name: I\n    databases: [{{file: {written(name)}, macros: {{P: 'X:'}}}}]\n"
    texts, problems = generate(tmp_path, {"beamline.yaml": file, name: site.GAUGE})
    assert not problems.errors
    modules = [path for path in texts if path.startswith("devices/") and path != "devices/__init__.py"]
    assert len(modules) == 1
    assert Path(modules[0]).stem.isidentifier()
    assert "pressure: A[SignalR[float], PvSuffix(" in texts[modules[0]]


@pytest.mark.parametrize("text", ["$(X)", "$(X=$(Y))", "${X}", "$(P)", "$$(P)", "$(P", "$()", "$(a b)", "\\$(P)"])
def test_macros_where_words_are(tmp_path: Path, text: str) -> None:
    template = f'record(mbbo, "$(P)M") {{ field(ZRST, "a{text}") field(ONST, "b") field(DESC, "{text}") }}\n'
    texts, problems = generate(tmp_path, {"pump.template": template})
    assert texts or problems.errors


def test_a_state_of_ten_thousand_characters_is_left_out(tmp_path: Path) -> None:
    template = f'record(mbbo, "$(P)M") {{ field(ZRST, "{"x" * 10_000}") }}\nrecord(ai, "$(P)A") {{}}\n'
    texts, problems = generate(tmp_path, {"pump.template": template})
    assert [problem.code for problem in problems] == ["untyped-record"]
    assert 'PvSuffix("M")' not in texts["devices/pump.py"]
    assert max(len(str(problem)) for problem in problems) < 1000
