"""Reading databases, beside the macro expansion that EPICS itself does on the same files.

Each pass is a fresh process, so that neither side finds its caches filled; both read from disk, with the same macros.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.report import Figure, progress

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"
SUFFIXES = {".db", ".template", ".vdb"}
MACROS = {"P": "BL01X-EA-DET-01:", "R": "CAM:", "PORT": "CAM1", "ADDR": "0", "TIMEOUT": "1"}
PASSES = 5


def database_files(folder: Path) -> list[Path]:
    """Find the databases below a folder, links followed."""
    return sorted(path for path in folder.resolve().rglob("*") if path.suffix in SUFFIXES and path.is_file())


def seconds_of_ours(paths: list[Path], folder: Path) -> float:
    """Read and parse each database with positions, and expand every name and value in it."""
    # imported here, so that a pass of the other side does not hold these modules
    from beamwright_generator.parse.database.database_text import parse_database
    from beamwright_generator.parse.description_files import DescriptionFiles
    from beamwright_generator.parse.macros.maclib import MacroScope, expand
    from beamwright_generator.problems import Problems

    problems = Problems()
    files = DescriptionFiles([folder.resolve()], folder.resolve(), problems)
    started = time.perf_counter()
    for path in paths:
        source = files.read(path)
        assert source is not None
        scope = MacroScope(MACROS)
        for record in parse_database(source, problems).records:
            expand(record.name, scope)
            for field in record.fields:
                expand(field.value, scope)
            for info in record.infos:
                expand(info.value, scope)
    return time.perf_counter() - started


def seconds_of_macrolib(paths: list[Path]) -> float:
    """Expand each database line by line with EPICS's macLib; nothing is parsed."""
    from epicsmacrolib import MacroContext

    started = time.perf_counter()
    for path in paths:
        context = MacroContext(use_environment=False, macros=MACROS)  # pyright: ignore[reportAbstractUsage] - compiled base
        context.expand_by_line(path.read_bytes().decode("latin-1"))
    return time.perf_counter() - started


def figures(corpus: Path) -> list[Figure]:
    """Measure both sides in turns; nothing where there is no corpus."""
    if not corpus.is_dir():
        progress(f"{corpus} is not here: nothing to read, read_vs_macrolib is left out")
        return []
    files = database_files(corpus)
    progress(f"reading {len(files)} databases, beside macLib")
    seconds: dict[str, list[float]] = {"ours": [], "macrolib": []}
    for turn in range(PASSES + 1):
        for side, measured in seconds.items():
            elapsed = _fresh_pass(side, corpus)
            if turn:  # the first one only fills the disk's cache
                measured.append(elapsed)
    ours, macrolib = (statistics.median(measured) for measured in seconds.values())
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    return [
        Figure("read_vs_macrolib", ours / macrolib, "our reading and expanding over macLib's expansion alone"),
        Figure("read_mb_per_s", megabytes / ours, f"MB/s of databases read, {len(files)} files of {megabytes:.1f} MB"),
    ]


def _fresh_pass(side: str, corpus: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.reading", side, str(corpus.resolve())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command[1:])} failed:\n{done.stderr}")
    return float(done.stdout)


def main() -> None:
    """Make one pass and print its seconds."""
    arguments = argparse.ArgumentParser(description="One timed pass over a folder of databases.")
    arguments.add_argument("side", choices=["ours", "macrolib"])
    arguments.add_argument("folder", type=Path)
    options = arguments.parse_args()
    paths = database_files(options.folder)
    if options.side == "ours":
        print(seconds_of_ours(paths, options.folder))
    else:
        print(seconds_of_macrolib(paths))


if __name__ == "__main__":
    main()
