"""A camera of a running twin from outside: its trigger input, and the frames that go astray."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from beamwright_twin.description.soft_records import IocRecords
from beamwright_twin.processes.ioc_process import IocProcess


class CameraControl:
    """One camera.

    :param port: its asyn port.
    """

    def __init__(self, ioc: IocProcess, port: str) -> None:
        self._ioc = ioc
        self.port = port

    def trigger(self, *times: float) -> None:
        """Trigger it at moments of the twin's clock, when its trigger mode is an external one.

        A trigger that comes while an exposure lasts, or while nothing is acquired, is missed.

        :param times: simulated seconds, in order; past ones count as if they had come in time.
        """
        self._ioc.order("driver", self.port, "trigger", times)

    def forward_triggers(self, times: Sequence[float]) -> None:
        """Forward triggers of simulated hardware, without waiting for the camera."""
        self._ioc.send("driver", self.port, "trigger", times)

    def lose(self, frames: int = 1) -> None:
        """Lose the next frames on their way to the plugins; the camera counts them."""
        self._ioc.order("driver", self.port, "lose", frames)

    def delay(self, seconds: float, frames: int = 1) -> None:
        """Delay the next frames on their way to the plugins, by simulated seconds."""
        self._ioc.order("driver", self.port, "delay", frames, seconds)

    @property
    def missed(self) -> int:
        """How many triggers there was no frame for."""
        return int(self._ioc.order("driver", self.port, "counts")["missed"])

    @property
    def lost(self) -> int:
        """How many frames were lost on their way to the plugins."""
        return int(self._ioc.order("driver", self.port, "counts")["lost"])


def find_camera(iocs: Iterable[IocProcess], of: str) -> CameraControl | None:
    """Find a camera by its asyn port, or by what its records start with."""
    for ioc in iocs:
        ports = ioc.records.ports if isinstance(ioc.records, IocRecords) else {}
        for name, port in ports.items():
            if port["kind"] != "camera":
                continue
            starters = port["parameters"]["ACQUIRE"]["writers"]
            if name == of or any(record.startswith(of) for record in starters):
                return CameraControl(ioc, name)
    return None
