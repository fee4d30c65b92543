"""What `--help` shows: examples stand one on a line, and every command has one line of its own."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from beamwright_generator.cli.gen import main


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ([], "gen beamline --check                  in a pipeline: is the committed code current?"),
        (["beamline"], "gen beamline --check                 for pipelines and pre-commit"),
        (["device"], "gen device simDetector.template -m P=BL01: -m R=CAM: -I $ADCORE/db"),
        (["init"], "gen init /epics/iocs/bl01x-ea-ioc-01/st.cmd --env ADCORE=/epics/support/ADCore --name x01"),
        (["audit"], "gen audit devices/slits.py --against beamline.yaml --format github"),
        (["show"], "gen show x01 -o public/x01      a page among others"),
        (["diff"], "gen diff main x01.yaml --exit-code     would the descriptions break plans?"),
        (["migrate"], "gen migrate plans/ --dry-run      after `gen beamline`, before the commit"),
        (["adopt"], "gen adopt bl01x.gauges:IonGauge"),
        (["snapshot"], "gen snapshot BL01X-EA-PANDA-01: -o BL01X-EA-PANDA-01.pvi.yaml"),
    ],
)
def test_examples_stand_on_their_own_lines(command: list[str], line: str) -> None:
    result = CliRunner().invoke(main, [*command, "--help"], terminal_width=100)
    assert result.exit_code == 0
    assert line in [shown.strip() for shown in result.stdout.splitlines()]
    assert "\\b" not in result.stdout


def test_commands_stand_in_the_order_in_which_they_are_needed() -> None:
    result = CliRunner().invoke(main, ["--help"], terminal_width=100)
    listed = result.stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == [
        "init",
        "beamline",
        "diff",
        "migrate",
        "snapshot",
        "observe",
        "twin",
        "show",
        "audit",
        "adopt",
        "completion",
        "device",
        "schema",
    ]
    assert set(main.commands) == {line.split()[0] for line in listed}
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)
