"""PVI device files, read and merged by the pvi package."""

from __future__ import annotations

from pathlib import Path

import pytest

from beamwright_generator.parse.description_files import DescriptionFiles
from beamwright_generator.parse.yaml.pvi_file import PviGroup, PviSignal, read_pvi
from beamwright_generator.problems import Problems

GRAND = """
label: Grand
children:
  - {type: Group, name: Shared, layout: {type: Grid}, children: [{type: SignalR, name: Top, read_pv: T}]}
"""
PARENT = """
label: Parent
children:
  - {type: Include, file_name: grand}
  - {type: SignalX, name: Go, write_pv: "$(P)GO", value: "2"}
"""
CHILD = """
label: Child
children:
  - type: Include
    file_name: parent
  - type: Group
    name: Shared
    layout: {type: Grid}
    children:
      - {type: SignalRW, name: Width, write_pv: "$(P)W", read_pv: "$(P)W_RBV", description: How wide}
      - {type: SignalRW, name: BothWays, write_pv: "$(P)B"}
      - {type: SignalW, name: Out, label: The Out, write_pv: "$(P)O", write_widget: {type: ComboBox}}
"""


def test_parents_are_merged(files: DescriptionFiles, problems: Problems, put, tmp_path: Path) -> None:
    put("base/grand.pvi.device.yaml", GRAND)
    put("base/parent.pvi.device.yaml", PARENT)
    path = put("child.pvi.device.yaml", CHILD)
    device = read_pvi(files, path, [tmp_path / "base"], problems)
    assert not list(problems)
    assert device is not None
    assert device.label == "Child"
    assert [(groups, signal.name, signal.access) for groups, signal in device.signals()] == [
        (("Shared",), "Top", "r"),
        (("Shared",), "Width", "rw"),
        (("Shared",), "BothWays", "rw"),
        (("Shared",), "Out", "w"),
        ((), "Go", "x"),
    ]
    signals = {signal.name: signal for _, signal in device.signals()}
    width = PviSignal("Width", "Width", "How wide", "rw", "$(P)W_RBV", "$(P)W", "TextRead", "TextWrite")
    assert signals["Width"] == width
    assert (signals["BothWays"].read_pv, signals["BothWays"].label) == ("$(P)B", "Both Ways")
    assert (signals["Out"].label, signals["Out"].write_widget) == ("The Out", "ComboBox")
    assert signals["Go"].value == "2"
    assert list(files.digests) == [
        "base/grand.pvi.device.yaml",
        "base/parent.pvi.device.yaml",
        "child.pvi.device.yaml",
    ]


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("label: x\nchildren:\n  - {type: SignalR, name: OutA, red_pv: A}\n", "3:5", "read_pv: Field required"),
        ("label: x\nchildren: [\n", "3:1", "not valid YAML"),
        ("children: []\n", "1:1", "label: Field required"),
        ("", "1:1", ""),
        ("label: x\nparent: nowhere\n", "1:1", "Cannot find nowhere"),
        ("label: x\nparent: bad\n", "2:9", "its own parent"),
        ("- 1\n", "1:1", ""),
        ("label: x\nchildren: " + "[" * 5_000 + "]" * 5_000, "1:1", ""),
    ],
)
def test_what_pvi_refuses_becomes_a_problem(
    text: str, where: str, words: str, files: DescriptionFiles, problems: Problems, put
) -> None:
    assert read_pvi(files, put("bad.pvi.device.yaml", text), [], problems) is None
    assert {problem.code for problem in problems} == {"pvi-invalid"}
    first = problems.in_order()[0]
    assert str(first.at) == f"bad.pvi.device.yaml:{where}"
    assert words in first.message
    assert str(files.roots[0]) not in "".join(map(str, problems))


def test_only_device_files_are_taken(files: DescriptionFiles, problems: Problems, put) -> None:
    assert read_pvi(files, put("device.yaml", "label: x\n"), [], problems) is None
    assert [problem.code for problem in problems] == ["pvi-invalid"]


def test_public_files(corpus: Path) -> None:
    files = DescriptionFiles([corpus], corpus, Problems())
    folder = corpus / "epics-containers+ibek/tests/samples/epics/pvi-defs"
    problems = Problems()
    device = read_pvi(files, folder / "NDPluginStats.pvi.device.yaml", [folder], problems)
    assert not list(problems)
    assert device is not None
    assert len(list(device.signals())) > 100
    assert all(isinstance(group, PviGroup) and group.children for group in device.groups)
