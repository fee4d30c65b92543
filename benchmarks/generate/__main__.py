"""How fast `gen beamline` is: a cold run, a check without changes, memory, growth, the catalogue, and bare reading.

Run as `python -m benchmarks.generate [--json FILE]`; the synthetic beamline has 100,000 records.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.generate import reading
from benchmarks.generate.synthetic import Size, write_beamline
from benchmarks.shared.paths import CORPUS
from benchmarks.shared.report import Figure, Run, measure, parser, progress, report

LARGE = Size(templates=100)
SMALL = Size(templates=10)
SMALLEST = Size(templates=1, instances=1)
"""What is left of a run's time when there is next to nothing to do: starting Python and importing."""


@dataclass
class Beamline:
    """A synthetic beamline on disk and the runs made on it."""

    size: Size
    folder: Path
    cold: list[Run] = field(default_factory=list)
    check: list[Run] = field(default_factory=list)
    show: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.file = write_beamline(self.folder, self.size)

    def measure(self) -> None:
        """Generate into an empty folder, then check that nothing would change."""
        output = self.folder / f"generated-{len(self.cold)}"
        progress(f"gen beamline, {self.size.records:,} records")
        self.cold.append(self._gen("--out", output))
        if not any(output.rglob("*.py")):
            raise SystemExit(f"gen beamline wrote no module into {output}")
        self.check.append(self._gen("--out", output, "--check"))

    def measure_page(self) -> None:
        """Write the catalogue."""
        progress(f"gen show, {self.size.records:,} records")
        self.show.append(self._gen("--out", self.page, command="show"))

    def _gen(self, *arguments: str | Path, command: str = "beamline") -> Run:
        gen = Path(sys.executable).with_name("gen")
        run = measure([gen, command, self.file, *arguments], cwd=self.folder)
        if run.status != 0:
            lines = "\n".join(run.output.splitlines()[-20:])
            raise SystemExit(f"gen {command} {' '.join(map(str, arguments))} ended with {run.status}:\n{lines}")
        return run

    @property
    def page(self) -> Path:
        """The catalogue's page."""
        return self.folder / "catalogue.html"

    @property
    def cold_seconds(self) -> float:
        """The median time of generating into an empty folder."""
        return statistics.median(run.seconds for run in self.cold)

    @property
    def check_seconds(self) -> float:
        """The median time of a check that finds nothing to do."""
        return statistics.median(run.seconds for run in self.check)


def generation_figures(folder: Path, repeats: int) -> list[Figure]:
    """Measure the command line on three sizes, in turns so that a slow moment of the machine hits all of them."""
    smallest, small, large = (Beamline(size, folder / str(size.records)) for size in (SMALLEST, SMALL, LARGE))
    smallest.measure()  # leaves the imported modules compiled and in the disk's cache; not counted
    smallest.cold.clear()
    for _ in range(repeats):
        for beamline in (smallest, small, large):
            beamline.measure()
        large.measure_page()
    start = smallest.cold_seconds
    growth = large.cold_seconds / LARGE.records / (small.cold_seconds / SMALL.records)
    net_growth = (large.cold_seconds - start) / LARGE.records / ((small.cold_seconds - start) / SMALL.records)
    return [
        Figure("cold_100k_s", large.cold_seconds, "s to generate 100,000 records into an empty folder", "under 10"),
        Figure("check_100k_s", large.check_seconds, "s for --check right after that", "under 1.5"),
        Figure("peak_memory_mib", max(run.peak_mib for run in large.cold), "MiB held at most, all processes together"),
        Figure("growth", growth, "time per record at 100,000 over that at 10,000", "at most 1.1"),
        Figure("growth_net", net_growth, "the same, without the time that a run of 100 records takes"),
        Figure("start_s", start, "s for a run of 100 records"),
        Figure("show_100k_s", statistics.median(run.seconds for run in large.show), "s to write the catalogue's page"),
        Figure("show_100k_mb", large.page.stat().st_size / 1e6, "MB that the page has"),
        Figure("show_peak_memory_mib", max(run.peak_mib for run in large.show), "MiB held at most while writing it"),
    ]


def main() -> None:
    """Measure, print the table, write the figures."""
    arguments = parser("How fast `gen beamline` is.")
    arguments.add_argument("--repeats", type=int, default=3, help="runs of each size; medians are reported")
    arguments.add_argument(
        "--corpus", type=Path, default=CORPUS, metavar="FOLDER", help="databases to read (default: %(default)s)"
    )
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="beamwright-") as folder:
        figures = generation_figures(Path(folder), options.repeats)
    figures += reading.figures(options.corpus)
    report(
        "gen beamline on a synthetic beamline: 100 templates of 100 records, 10 instances each", figures, options.json
    )


if __name__ == "__main__":
    main()
