"""The steps that need no control system: generate, compare, change, type-check."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from scripts.demo.terminal import (
    ROOT,
    StepError,
    coloured,
    command,
    doc_line,
    gen,
    heading,
    highlighted,
    mypy,
    run,
    show_diff,
)

EXAMPLE = Path("examples/x01")
PACKAGE = Path("generated/beamwright_generated")
PLAN = Path("examples/plans/count_camera.py")


def generate(out: Path) -> str:
    """Generate the example, show the tree with what each module has, and return the last line that `gen` prints."""
    heading("1. Generate typed devices from what four IOCs are made of")
    for path in sorted(EXAMPLE.rglob("*")):
        if path.suffix in (".cmd", ".yaml"):
            print(f"  {path}")
    print("  and the databases, templates and substitutions that these load")
    command(f"gen beamline {EXAMPLE}/beamline.yaml")
    printed = run([gen(), "beamline", str(EXAMPLE / "beamline.yaml"), "--out", str(out)])
    summary = printed.splitlines()[-1]
    print(f"{summary}\n")
    package = out / PACKAGE.name
    print(f"{package.name}/")
    for folder in ("beamlines", "devices"):
        print(f"  {folder}/")
        for path in sorted((package / folder).glob("*.py")):
            text = path.read_text(encoding="utf-8")
            what = f"{text.count(': A[')} signals" if folder == "devices" else doc_line(text)
            if path.name != "__init__.py":
                print(f"    {path.name:<18} {what}")
    print(f"  {'_manifest.json':<20} what it was made from and by")
    return summary


def show_classes(out: Path) -> None:
    """Print one generated class with its enum, and the beginning of the beamline module."""
    heading("2. What plans import")
    package = out / PACKAGE.name
    gauge = (package / "devices" / "gauge.py").read_text(encoding="utf-8")
    print(coloured(f"# {PACKAGE.name}/devices/gauge.py", "2"))
    print(highlighted(gauge[gauge.index("class GaugeStatus") :]))
    beamline = (package / "beamlines" / "x01.py").read_text(encoding="utf-8")
    print(coloured(f"# {PACKAGE.name}/beamlines/x01.py", "2"))
    first_device = beamline.index("@devices.factory")
    print(highlighted(beamline[beamline.index("devices = Beamline") : beamline.index("@devices", first_device + 1)]))


def check() -> None:
    """Compare the committed code with the descriptions, as a pipeline does."""
    heading("3. Is the committed code what the descriptions say?")
    command(f"gen beamline {EXAMPLE}/beamline.yaml --check")
    run([gen(), "beamline", str(EXAMPLE / "beamline.yaml"), "--check", "--quiet"])
    print(f"yes: {PACKAGE} is current (exit code 0)")


CHANGES: Sequence[tuple[str, str, str]] = (
    ("ioc/vacuum/gauge.template", "", 'record(longin, "$(P)HOURS") {\n    field(DESC, "Hours in service")\n}\n'),
    ("ioc/vacuum/shutter.template", '"Closing"', '"Going shut"'),
    ("ioc/vacuum/temperature.template", 'record(longout, "$(P)P_GAIN")', 'record(ao, "$(P)P_GAIN")'),
    ("ioc/vacuum/temperature.template", 'record(longin, "$(P)P_GAIN_RBV")', 'record(ai, "$(P)P_GAIN_RBV")'),
    ("beamline.yaml", "{name: sample_temperature}", "{name: cryostat}"),
)
"""Changes to a copy of the descriptions: file, what stands there (nothing: add at the end), and what shall."""

TOLD = ("`Gauge.hours", "`GOING_SHUT`", "`Temperature.proportional_gain`", "`cryostat`")
"""What the summary must name then."""


def change(copy: Path) -> None:
    """Change descriptions in a copy, generate anew, and show what that means for plans."""
    heading("4. An IOC changes: what does it mean for plans?")
    shutil.copytree(EXAMPLE, copy / EXAMPLE)
    shutil.copytree(PACKAGE, copy / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "pyproject.toml").touch()
    for file, old, new in CHANGES:
        path = copy / EXAMPLE / file
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise StepError(f"{EXAMPLE / file} has no {old!r} to change")
        path.write_text(text.replace(old, new) if old else f"{text}\n{new}", encoding="utf-8")
    for file in dict.fromkeys(file for file, _, _ in CHANGES):
        before, after = (folder / EXAMPLE / file for folder in (ROOT, copy))
        show_diff(f"{EXAMPLE / file}", before.read_text(encoding="utf-8"), after.read_text(encoding="utf-8"))
    command(f"gen beamline {EXAMPLE}/beamline.yaml --summary -")
    arguments = ["beamline", str(EXAMPLE / "beamline.yaml"), "--summary", "-", "--quiet"]
    summary = run([gen(), *arguments], folder=copy)
    print(summary, end="")
    missing = [name for name in TOLD if name not in summary]
    if missing:
        raise StepError(f"the summary does not tell of {', '.join(missing)}")
    run([gen(), "beamline", str(EXAMPLE / "beamline.yaml"), "--check", "--quiet"], folder=copy)


def type_check(folder: Path) -> None:
    """Let mypy accept a plan, and refuse it once a state is misspelt."""
    heading("5. A plan is checked before the beamline runs it")
    text = PLAN.read_text(encoding="utf-8")
    print(highlighted("".join(text.partition("def ")[1:])))
    command(f"mypy {PLAN}")
    print(run([mypy(), str(PLAN)]), end="")
    misspelt = folder / PLAN.name
    misspelt.write_text(text.replace("SimDetectorSimMode.PEAKS", "SimDetectorSimMode.PEAK"), encoding="utf-8")
    print(f"\nThe same plan with {coloured('SimDetectorSimMode.PEAK', '31')}:")
    command(f"mypy {PLAN.name}")
    found = run([mypy(), str(misspelt)], exit_code=1)
    print(re.sub(rf"^\S*{PLAN.name}:", f"{PLAN.name}:", found, flags=re.MULTILINE), end="")
    if "PEAK" not in found:
        raise StepError("mypy did not notice the misspelt state")
