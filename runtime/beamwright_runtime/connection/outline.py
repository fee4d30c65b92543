"""The text that shows which signals are not connected, and why.

ADR 0012 rules here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from beamwright_runtime.errors import ConnectionProblem, Reason

LINES_PER_DEVICE = 20
LINES = 200
"""Most lines for one device, and in all."""
SILENT = 3
"""From how many PVs on a device that does not answer at all gets one line."""
NAMES = 5
"""Most devices that are named in one line."""
_SILENT_REASONS = {Reason.NEVER_FOUND, Reason.DISCONNECTED, Reason.NO_ANSWER}


class Census:
    """How many PVs each device has.

    :param name: of the beamline or device that was connected.
    :param seconds: how long it took.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self.name = name
        self.seconds = seconds
        self.pvs: dict[str, int] = {}
        self.prefixes: Counter[str] = Counter()
        """How many PVs begin with each prefix, which servers have as a whole as a rule."""
        self.iocs: dict[str, str] = {}
        """The IOC of each device, where it is known."""

    def count(self, device: str, names: Sequence[str]) -> None:
        """Add PVs to a device."""
        self.pvs[device] = self.pvs.get(device, 0) + len(names)
        self.prefixes.update(map(_prefix, names))

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


def outline(problems: Sequence[ConnectionProblem], census: Census, optional: Collection[str] = ()) -> str:
    """Show what is wrong: a line of totals, then the devices with their signals.

    A device that does not answer at all gets one line, and so do several of which the whole IOC, or a whole prefix, is
    silent. Long lists are cut, and say how much is left out.

    :param optional: devices that can be done without, which is said.
    """
    by_device: dict[str, list[ConnectionProblem]] = {}
    tops = census.tops
    for problem in problems:
        by_device.setdefault(problem.device.partition(".")[0] if tops else "", []).append(problem)
    iocs = _silent_iocs(by_device, census)
    groups = _silent_together(by_device, iocs, census)
    shown: list[str] = []
    for devices, faults in groups:
        names = [f"{device} (optional)" if device in optional else device for device in devices]
        if len(devices) > 1:
            shown.append(_silence(_list(names), iocs.get(devices[0]) or _prefix(_name(faults[0])), faults))
        else:
            shown += _device_lines(devices[0], names[0], iocs.get(devices[0], ""), faults, census)
    # What a foreign device raised may have lines of its own.
    shown = [line.replace("\n", "\n    ") for line in shown]
    if len(shown) > LINES:
        left_out = len(shown) - LINES + 1
        shown = [*shown[: LINES - 1], f"... and {left_out:,} lines more"]
    return "\n".join([_totals(problems, census), *(f"  {line}" for line in shown)])


def _silent_iocs(by_device: dict[str, list[ConnectionProblem]], census: Census) -> dict[str, str]:
    """Find the IOCs of which nothing that was asked for answers; give the IOC of each of their devices."""
    answering = {
        ioc
        for device, ioc in census.iocs.items()
        if census.below(device) and not (device in by_device and _is_silent(device, by_device[device], census))
    }
    return {device: ioc for device, ioc in census.iocs.items() if ioc and ioc not in answering}


def _silent_together(
    by_device: dict[str, list[ConnectionProblem]], iocs: dict[str, str], census: Census
) -> list[tuple[list[str], list[ConnectionProblem]]]:
    """Put devices together that are silent because nothing answers of their IOC, or to their prefix."""
    missing: Counter[str] = Counter()
    for faults in by_device.values():
        missing.update(_prefix(_name(problem)) for problem in faults if problem.reason in _SILENT_REASONS)
    together: dict[tuple[str, Reason | None], tuple[list[str], list[ConnectionProblem]]] = {}
    for device, faults in by_device.items():
        prefixes = {_prefix(_name(problem)) for problem in faults}
        silent = _is_silent(device, faults, census)
        prefix = prefixes.pop() if len(prefixes) == 1 and silent else ""
        whole = bool(prefix) and missing[prefix] == census.prefixes[prefix]
        server = iocs.get(device) if silent else None
        key = (server or prefix, faults[0].reason) if server or whole else (f" {device}", None)
        devices, all_faults = together.setdefault(key, ([], []))
        devices.append(device)
        all_faults += faults
    return list(together.values())


def _totals(problems: Sequence[ConnectionProblem], census: Census) -> str:
    pvs = sum(census.pvs.values())
    connected = f"{pvs - sum(bool(problem.pv) for problem in problems):,} of {pvs:,} PVs"
    took = f"connected in {census.seconds:.2f} s"
    tops = census.tops
    if not tops:
        return f"{census.name}: {connected} {took}"
    unhappy = {problem.device.partition(".")[0] for problem in problems}
    devices = f"{census.name}: {len(tops) - len(unhappy)} of {len(tops)} devices {took}"
    return f"{devices} ({connected})" if pvs else devices


def _device_lines(device: str, name: str, ioc: str, problems: Sequence[ConnectionProblem], census: Census) -> list[str]:
    if line := _silent(name, device, problems, census, ioc):
        return [line]
    lines = list(_signal_lines(device, problems, census))
    if device and len(problems) == 1 and problems[0].device == device and not problems[0].signal:
        return [f"{name}: {lines[0]}"]
    if len(lines) > LINES_PER_DEVICE:
        left_out = len(lines) - LINES_PER_DEVICE + 1
        lines = [*lines[: LINES_PER_DEVICE - 1], f"... and {left_out:,} more"]
    return [name, *(f"  {line}" for line in lines)] if device else lines


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


def _silent(shown: str, device: str, problems: Sequence[ConnectionProblem], census: Census, ioc: str = "") -> str:
    """Return one line for a device of which no PV answers; empty if some do."""
    if len(problems) < SILENT or not _is_silent(device, problems, census):
        return ""
    return _silence(shown, ioc or _common_start([_name(problem) for problem in problems]).rstrip(":.-_"), problems)


def _is_silent(device: str, problems: Sequence[ConnectionProblem], census: Census) -> bool:
    if len(problems) < census.below(device):
        return False
    reasons = {problem.reason for problem in problems}
    return len(reasons) == 1 and reasons <= _SILENT_REASONS


def _silence(shown: str, prefix: str, problems: Sequence[ConnectionProblem]) -> str:
    who = f"{prefix} does not answer: " if prefix else ""
    line = f"{who}{len(problems):,} PVs {problems[0].reason.value} ({problems[0].pv} ...)"
    return f"{shown}: {line}" if shown else line


def _list(names: Sequence[str]) -> str:
    more = len(names) - NAMES
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:NAMES])} and {more:,} more"


def _name(problem: ConnectionProblem) -> str:
    return problem.pv.partition("://")[2]


def _prefix(name: str) -> str:
    return name.partition(":")[0] if ":" in name else ""


def _common_start(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    for at, letter in enumerate(first):
        if last[at : at + 1] != letter:
            return first[:at]
    return first
