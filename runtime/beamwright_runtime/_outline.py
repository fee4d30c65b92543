"""The text that shows which signals are not connected, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from beamwright_runtime._errors import ConnectionProblem, Reason

LINES_PER_DEVICE = 20
LINES = 200
"""Most lines for one device, and in all."""
SILENT = 3
"""From how many PVs on a device that does not answer at all gets one line."""


@dataclass
class Census:
    """How many PVs each device has.

    :param name: of the beamline or device that was connected.
    :param seconds: how long it took.
    """

    name: str
    seconds: float
    pvs: dict[str, int] = field(default_factory=dict)

    def count(self, device: str, pvs: int) -> None:
        """Add PVs to a device."""
        self.pvs[device] = self.pvs.get(device, 0) + pvs

    def below(self, device: str) -> int:
        """Count the PVs of a device and of all below it."""
        return sum(count for path, count in self.pvs.items() if _is_below(path, device))

    @property
    def tops(self) -> list[str]:
        """The devices right below the root; none if the root has signals of its own."""
        if "" in self.pvs:
            return []
        return list(dict.fromkeys(path.partition(".")[0] for path in self.pvs))


def _is_below(path: str, device: str) -> bool:
    return not device or path == device or path.startswith(device + ".")


def outline(problems: Sequence[ConnectionProblem], census: Census) -> str:
    """Show what is wrong: a line of totals, then the devices with their signals.

    A device that does not answer at all gets one line. Long lists are cut, and say how much is left out.
    """
    lines = [_totals(problems, census)]
    shown: list[str] = []
    by_device: dict[str, list[ConnectionProblem]] = {}
    tops = census.tops
    for problem in problems:
        by_device.setdefault(problem.device.partition(".")[0] if tops else "", []).append(problem)
    for device, faults in by_device.items():
        shown += _device_lines(device, faults, census)
    if len(shown) > LINES:
        left_out = len(shown) - LINES + 1
        shown = [*shown[: LINES - 1], f"... and {left_out:,} lines more"]
    return "\n".join([*lines, *(f"  {line}" for line in shown)])


def _totals(problems: Sequence[ConnectionProblem], census: Census) -> str:
    pvs = sum(census.pvs.values())
    bad = len({problem.pv for problem in problems})
    if tops := census.tops:
        unhappy = {problem.device.partition(".")[0] for problem in problems}
        return (
            f"{census.name}: {len(tops) - len(unhappy)} of {len(tops)} devices connected in {census.seconds:.2f} s"
            f" ({pvs - bad:,} of {pvs:,} PVs)"
        )
    return f"{census.name}: {pvs - bad:,} of {pvs:,} PVs connected in {census.seconds:.2f} s"


def _device_lines(device: str, problems: Sequence[ConnectionProblem], census: Census) -> list[str]:
    if line := _silent(device, device, problems, census):
        return [line]
    lines = list(_signal_lines(device, problems, census))
    if len(lines) > LINES_PER_DEVICE:
        left_out = len(lines) - LINES_PER_DEVICE + 1
        lines = [*lines[: LINES_PER_DEVICE - 1], f"... and {left_out:,} more"]
    return [device, *(f"  {line}" for line in lines)] if device else lines


def _signal_lines(device: str, problems: Sequence[ConnectionProblem], census: Census) -> Iterator[str]:
    by_path: dict[str, list[ConnectionProblem]] = {}
    for problem in problems:
        by_path.setdefault(problem.device, []).append(problem)
    silent: list[str] = []
    for path in sorted({above for path in by_path for above in _ways(path)}, key=lambda path: path.count(".")):
        inside = [problem for problem in problems if _is_below(problem.device, path)]
        if path != device and not any(_is_below(path, other) for other in silent):
            line = _silent(_within(device, path), path, inside, census)
            if line:
                silent.append(path)
                yield line
    for problem in problems:
        if not any(_is_below(problem.device, path) for path in silent):
            where = _within(device, ".".join(filter(None, (problem.device, problem.signal))))
            pv = f" ({problem.pv})" if problem.pv else ""
            yield f"{where}: {problem.fault}{pv}" if where else f"{problem.fault}{pv}"


def _ways(path: str) -> list[str]:
    names = path.split(".") if path else []
    return [".".join(names[: depth + 1]) for depth in range(len(names))]


def _within(device: str, path: str) -> str:
    return path[len(device) + 1 :] if device and path.startswith(device + ".") else "" if path == device else path


def _silent(shown: str, device: str, problems: Sequence[ConnectionProblem], census: Census) -> str:
    """Give the one line of a device none of whose PVs answers; empty if some do."""
    if len(problems) < SILENT or len(problems) < census.below(device):
        return ""
    reasons = {problem.reason for problem in problems}
    if len(reasons) != 1 or not reasons <= {Reason.NEVER_FOUND, Reason.DISCONNECTED, Reason.NO_ANSWER}:
        return ""
    (reason,) = reasons
    prefix = _common_start([problem.pv for problem in problems]).partition("://")[2].rstrip(":.-_")
    who = f"{prefix} does not answer: " if prefix else ""
    line = f"{who}{len(problems):,} PVs {reason.value} ({problems[0].pv} ...)"
    return f"{shown}: {line}" if shown else line


def _common_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    for at, letter in enumerate(first):
        if last[at : at + 1] != letter:
            return first[:at]
    return first
