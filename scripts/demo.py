"""The main job on real input: generate the example beamline, change its descriptions, type-check a plan, fly.

    make demo

Everything is written into a temporary folder. The exit code is 1 when a step does not do what it should.
"""

from __future__ import annotations

import difflib
import io
import keyword
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = Path("examples/x01")
PACKAGE = Path("generated/beamwright_generated")
PLAN = Path("examples/plans/count_camera.py")
COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ


class StepError(Exception):
    """A step did not do what it should; the message says what."""


def main() -> int:
    """Run every step; give the exit code."""
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="beamwright-demo-") as name:
        folder = Path(name).resolve()
        try:
            generate(folder / "new")
            show_classes(folder / "new")
            check()
            change(folder / "changed")
            type_check(folder)
            fly()
        except StepError as error:
            print(f"\ndemo: {error}", file=sys.stderr)
            return 1
    return 0


# -- the steps


def generate(out: Path) -> None:
    """Generate the example and show the tree with what each module has."""
    heading("1. Generate typed devices from what four IOCs are made of")
    for path in sorted(EXAMPLE.rglob("*")):
        if path.suffix in (".cmd", ".yaml"):
            print(f"  {path}")
    print("  and the databases, templates and substitutions that these load")
    command(f"gen beamline {EXAMPLE}/beamline.yaml")
    began = time.perf_counter()
    printed = run([gen(), "beamline", str(EXAMPLE / "beamline.yaml"), "--out", str(out)])
    took = time.perf_counter() - began
    print(f"{printed.splitlines()[-1]}, in {took:.1f} s\n")
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

TOLD = ("`Gauge.hours", "`ShutterState.GOING_SHUT`", "`Temperature.proportional_gain`", "`cryostat`")
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


def fly() -> None:
    """Connect the generated PandA to a served box, and let a plan write a file with it."""
    heading("6. A box that was recorded once is connected and flown")
    command("python scripts/demo_panda.py")
    print(run([sys.executable, str(ROOT / "scripts" / "demo_panda.py")]), end="")


# -- running and showing


def gen() -> str:
    """Give the `gen` of this environment."""
    return str(Path(sys.executable).with_name("gen"))


def mypy() -> str:
    """Give the mypy of this environment."""
    return str(Path(sys.executable).with_name("mypy"))


def run(arguments: Sequence[str], *, folder: Path = ROOT, exit_code: int = 0) -> str:
    """Run a program and give what it prints; anything but the expected exit code ends the demo."""
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != exit_code:
        shown = " ".join([Path(arguments[0]).name, *arguments[1:]])
        raise StepError(f"{shown}: exit code {done.returncode}, not {exit_code}\n{done.stdout}{done.stderr}")
    return done.stdout


def heading(text: str) -> None:
    """Start a step."""
    print(f"\n{coloured(text, '1')}\n{coloured('=' * len(text), '1')}")


def command(text: str) -> None:
    """Show the command that a user types for this."""
    print(f"\n{coloured(f'$ {text}', '36')}")


def coloured(text: str, code: str) -> str:
    """Colour a text where there is a terminal."""
    return f"\x1b[{code}m{text}\x1b[0m" if COLOURS else text


def show_diff(name: str, before: str, after: str) -> None:
    """Print the changed lines of one file."""
    print(name)
    for line in list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]:
        if not line.startswith("@"):
            print(f"  {coloured(line, '32' if line[0] == '+' else '31')}")


def doc_line(text: str) -> str:
    """Give the docstring of a module, without its quotes and full stop."""
    return next(line for line in text.splitlines() if line.startswith('"""')).strip('".')


def highlighted(source: str) -> str:
    """Colour keywords, strings and comments of Python source where there is a terminal."""
    source = source.strip() + "\n"
    return "".join(_pieces(source)) if COLOURS else source


def _pieces(source: str) -> Iterator[str]:
    lines = source.splitlines(keepends=True)
    row, column = 1, 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        start_row, start_column = token.start
        while row < start_row:
            yield lines[row - 1][column:]
            row, column = row + 1, 0
        yield from (line[column:start_column] for line in lines[row - 1 : row])
        is_keyword = token.type == tokenize.NAME and keyword.iskeyword(token.string)
        code = "35" if is_keyword else {tokenize.STRING: "32", tokenize.COMMENT: "2"}.get(token.type)
        yield coloured(token.string, code) if code else token.string
        row, column = token.end


if __name__ == "__main__":
    sys.exit(main())
