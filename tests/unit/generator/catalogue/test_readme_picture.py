"""The README of the generated package: a picture of every beamline in it, whichever was generated last."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from beamwright_generator.cli.gen import main
from tests.helpers import generator_site as site

pytestmark = pytest.mark.long

README = Path("generated/beamwright_generated/README.md")


def gen(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["beamline", *arguments], catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two beamlines, which the command is run in."""
    site.make(tmp_path, {"b02.yaml": site.beamline("b02", "gauge.template B02-GAUGE-01:")})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_beamline_is_drawn(folder: Path) -> None:
    gen("--quiet")
    text = README.read_text(encoding="utf-8")
    assert '    subgraph ioc1["B01-VA-IOC-01"]\n        ioc1_b01_pump_01["b01_pump_01<br>Pump"]\n    end\n```\n' in text


@pytest.mark.parametrize("order", [("beamline.yaml", "b02.yaml"), ("b02.yaml", "beamline.yaml")])
def test_beamlines_that_share_a_package_share_the_readme(folder: Path, order: tuple[str, str]) -> None:
    for file in order:
        assert gen(file, "--quiet").exit_code == 0
    assert re.findall("^## (.+)$", README.read_text(encoding="utf-8"), re.MULTILINE) == ["b01", "b02"]
    for file in order:
        result = gen(file, "--check")
        assert (result.exit_code, result.stdout) == (0, "")
    before = site.snapshot(folder / "generated")
    assert gen(order[0], "--quiet").exit_code == 0
    assert site.snapshot(folder / "generated") == before


def test_the_order_of_generating_leaves_no_trace(folder: Path) -> None:
    written = []
    for order in (("beamline.yaml", "b02.yaml"), ("b02.yaml", "beamline.yaml")):
        out = folder / order[0].removesuffix(".yaml")
        for file in order:
            gen(file, "--quiet", "--out", str(out))
        written.append(site.snapshot(out))
    assert written[0] == written[1]


def test_a_check_tells_a_changed_and_an_edited_picture(folder: Path) -> None:
    gen("--quiet")
    (folder / "beamline.yaml").write_text(
        site.beamline("b01", "pump.template B01-PUMP-01:", "pump.template B01-PUMP-02:")
    )
    assert f"changed  {README}" in gen("--check").stdout
    site.make(folder)
    README.write_text(README.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
    assert f"edited   {README}" in gen("--check").stdout
    assert gen("--quiet").exit_code == 0
    assert gen("--check").exit_code == 0


def test_names_mean_nothing_to_mermaid_or_markdown(folder: Path) -> None:
    nasty = 'IOC"]; click a "x" <script> `` é #quot; %% -->'
    beamline = json.loads(json.dumps({"name": "b01", "iocs": [{"name": nasty, "databases": []}]}))
    beamline["iocs"][0]["databases"] = [{"file": "pump.template", "macros": {"P": "B01-PUMP-01:"}}]
    (folder / "beamline.yaml").write_text(json.dumps(beamline))
    gen("--quiet")
    (line,) = [line for line in README.read_text(encoding="utf-8").splitlines() if "subgraph" in line]
    (label,) = re.findall(r'^    subgraph ioc1\["(.*)"\]$', line)
    assert not re.search(r"[\"<>`;é#%]", re.sub(r"#\d+;", "", label))
    assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label) == nasty


def test_a_large_ioc_is_drawn_in_part(folder: Path) -> None:
    many = [f"pump.template B01-PUMP-{number:02}:" for number in range(30)]
    (folder / "beamline.yaml").write_text(site.beamline("b01", *many))
    gen("--quiet")
    text = README.read_text(encoding="utf-8")
    assert text.count("<br>Pump") == 12
    assert 'ioc1_more["and 18 more"]' in text
