"""What documents say of each data key: its device, whether that is a detector, a monitor or an axis, its units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from beamwright_runtime.documents import NEXUS, NexusFacts, Role
from beamwright_runtime.nexus.grid import Grid
from beamwright_runtime.nexus.run_record import RunRecord, Stream


@dataclass(frozen=True)
class KeyFacts:
    """What is known of one data key.

    :param device: the device that it belongs to.
    :param role: of the key or of its device.
    :param axis: the axis whose read values it holds.
    :param units: of its values, if the documents have them.
    """

    device: str
    role: Role
    axis: str | None
    units: str | None


class Roles:
    """Finds what devices and data keys are.

    :param run: the documents.
    :param grid: whose axes are looked for.
    """

    def __init__(self, run: RunRecord, grid: Grid) -> None:
        self._facts = cast("NexusFacts", run.start.get(NEXUS) or {})
        self._roles = self._facts.get("roles", {})
        self._grid = grid
        self._stream = run.main
        named = run.start.get("detectors"), run.start.get("motors"), self._roles
        flown = run.start.get("fly_scan")
        told = [name for names in named for name in names or ()]
        self._devices = [*told, *((flown or {}).get("detectors", ()) if isinstance(flown, Mapping) else ())]
        self._motors = {*(run.start.get("motors") or ()), *(name for names in grid.dimensions for name in names)}
        self._configured = {
            key: value
            for stream in run.streams.values()
            for one in stream.configuration.values()
            for key, value in one.get("data", {}).items()
        }
        self._files = _files(run)

    def of(self, key: str) -> KeyFacts:
        """Return what is known of a data key of the primary stream."""
        device = self.device(key)
        axis = self._axis(key, device)
        role = self._roles.get(key) or self._roles.get(device) or ("axis" if device in self._motors else "detector")
        return KeyFacts(device, role, axis, self.units(key, axis))

    @property
    def signal(self) -> str | None:
        """The data key to plot first, if the documents tell."""
        return self._facts.get("signal")

    def device(self, key: str) -> str:
        """Return which device a data key or a configuration value belongs to.

        A scanner reads for its devices, whose names start the keys; other keys go with those in the same file.
        """
        owner = self._stream.objects.get(key, "")
        if owner in self._devices:
            return owner
        if found := self._prefix(key):
            return found
        shared = {self._prefix(other) for other in self._files.get(key, ())} - {None}
        if len(shared) == 1 and (device := shared.pop()):
            return device
        return self._nameless(key) or owner or key

    def _prefix(self, key: str) -> str | None:
        whole = [name for name in self._devices if key == name or key.startswith((f"{name}-", f"{name}_"))]
        return max(whole, key=len, default=None)

    def _nameless(self, key: str) -> str | None:
        """Find the one detector that no key is named after, as no key of a PandA is."""
        if key not in self._stream.data_keys:
            return None
        named = {self._prefix(other) for other in self._stream.data_keys}
        left = [one for one in dict.fromkeys(self._devices) if one not in named and one not in self._motors]
        return left[0] if len(left) == 1 else None

    def _axis(self, key: str, device: str) -> str | None:
        if told := self._facts.get("reads", {}).get(key):
            return told
        axes = [name for names in self._grid.dimensions for name in names]
        if key in axes or device in self._motors:
            return key if key in axes else None
        described = self._stream.data_keys[key]
        single = len(described.get("shape", ())) <= (1 if "external" in described else 0)
        return next((axis for axis in axes if single and key.endswith((f"-{axis}", f"_{axis}"))), None)

    def units(self, key: str, axis: str | None = None) -> str | None:
        """Return the units of a data key or of its axis: from the descriptor, the configuration or the start."""
        for name in (key, axis):
            if name is None:
                continue
            told = self._stream.data_keys.get(name, {}).get("units") or self._facts.get("units", {}).get(name)
            if units := told or self._configured.get(f"{name}-motor_egu"):
                return str(units)
        return None


def _files(run: RunRecord) -> dict[str, set[str]]:
    """Return which other data keys are in the same files."""
    inside: dict[str, set[str]] = {}
    for resource in run.resources.values():
        inside.setdefault(resource["uri"], set()).add(resource["data_key"])
    return {key: keys for keys in inside.values() for key in keys}


def hinted_first(stream: Stream) -> list[str]:
    """Return the data keys of a stream, those to show first before the others."""
    return list(dict.fromkeys([*stream.hinted, *stream.data_keys]))
