"""A beamline as a twin: its IOCs as processes on loopback, what clients need to find them, and faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from beamwright_generator.basics.optional_packages import TWIN_PACKAGES, install, missing
from beamwright_generator.parse.yaml.beamline_file import WireEntry
from beamwright_generator.problems import Problems
from beamwright_twin.description.beamline_description import BeamlineDescription, describe
from beamwright_twin.description.pv_list import PvList
from beamwright_twin.description.recorded_trees import TreeRecords, served_of
from beamwright_twin.description.wiring import wire_of
from beamwright_twin.processes.camera_control import CameraControl, find_camera
from beamwright_twin.processes.ioc_process import IocProcess, TwinError
from beamwright_twin.processes.loopback_ports import Ports, client_environment
from beamwright_twin.sim.axis_motion import Trajectory
from beamwright_twin.sim.clock import Clock


class Twin:
    """A simulated beamline, from `start` (or entering the context) to `stop` (or leaving it).

        with Twin("examples/x01/beamline.yaml") as twin:
            subprocess.run(["python", "scan.py"], env=os.environ | twin.environment)

    Every IOC of the beamline is a process of its own that serves CA and PVA on 127.0.0.1. This process's environment
    is not changed: CA and PVA clients read theirs once, so give `environment` to a subprocess, or put it into
    `os.environ` before the first client is made; the pytest fixture `twin` does the latter.

    :param beamline: the beamline file.
    :param ca_port: the first IOC's port for CA, the others follow; free ones are found unless given.
    :param pva_port: the same for PVA.
    :param only: a glob of IOC names or of record names; the rest of the beamline is not served.
    :param speed: simulated seconds in one real second.
    :raises TwinError: when what the extra `twin` installs is missing; from `start`, when the descriptions have errors
        or an IOC does not start.
    """

    def __init__(
        self,
        beamline: str | Path,
        *,
        ca_port: int | None = None,
        pva_port: int | None = None,
        only: str = "*",
        speed: float = 1.0,
    ) -> None:
        if speed <= 0:
            raise ValueError(f"a twin cannot run at {speed} times real time")
        # Without h5py alone, all IOCs would start, and cameras would never write.
        if said := missing(TWIN_PACKAGES):
            raise TwinError(f"a twin needs {said}: {install('twin')}")
        self.beamline = Path(beamline)
        self.problems = Problems()
        self.clock = Clock.started(speed)
        self.environment: dict[str, str] = {}
        self.trajectories: dict[str, Trajectory] = {}
        self._first = (ca_port, pva_port)
        self._only = only
        self._ports = Ports()
        self._iocs: dict[str, IocProcess] = {}
        self._described: BeamlineDescription | None = None

    # Running

    def start(self, timeout: float = 60.0) -> dict[str, str]:
        """Start every IOC, wait until all serve, and give `environment`."""
        if self._iocs:
            raise TwinError("the twin runs already")
        self._described = described = describe(self.beamline, self.problems)
        served = served_of(described, self.problems, self._only) if described else []
        if self.problems.errors:
            raise TwinError("\n".join(str(problem) for problem in self.problems.in_order()))
        if not served:
            raise TwinError(f"{self.beamline} has no record that matches {self._only!r}")
        try:
            self.clock = Clock.started(self.clock.speed)
            ports = [self._claim_ports(number, one) for number, one in enumerate(served)]
            self.environment = client_environment(ports)
            self._iocs = {
                one.name: IocProcess(one, self.clock, own, self.environment, self._handle_news)
                for one, own in zip(served, ports, strict=True)
            }
            for ioc in self._iocs.values():
                ioc.launch(self.positions)
            for ioc in self._iocs.values():
                ioc.wait(timeout)
            self._send_moves(*self._iocs.values())
        except BaseException:
            self.stop()
            raise
        return self.environment

    def stop(self) -> None:
        """End every IOC and give the ports back; a second call does nothing."""
        for ioc in self._iocs.values():
            ioc.stop()
        self._iocs = {}
        self._ports.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _claim_ports(self, number: int, served: PvList) -> tuple[int | None, int]:
        ca, pva = (first if first is None else first + number for first in self._first)
        try:
            return None if served.pva_only else self._ports.claim(ca), self._ports.claim(pva)
        except OSError as error:
            raise TwinError(str(error)) from error

    def _handle_news(self, topic: str, record: str, news: Any) -> None:
        match topic:
            case "move":
                self.trajectories[record] = Trajectory.of(news)
                self._send_to_boxes("move", record, news)
            case "trigger":
                camera = find_camera(self._iocs.values(), record)
                if camera is not None:
                    camera.forward_triggers(news)

    def _send_to_boxes(self, *order: Any) -> None:
        for ioc in self._iocs.values():
            if isinstance(ioc.records, TreeRecords):
                ioc.send(*order)

    def _send_moves(self, *iocs: IocProcess) -> None:
        """Send the trajectories of all axes to boxes that have started; one that changes meanwhile is sent twice."""
        for ioc in iocs:
            for motor, trajectory in list(self.trajectories.items()) if isinstance(ioc.records, TreeRecords) else ():
                ioc.send("move", motor, [list(segment) for segment in trajectory.segments])

    def wire(
        self,
        signal: str,
        *,
        motor: str | None = None,
        resolution: float | None = None,
        dataset: str | None = None,
        cameras: Sequence[str] = (),
    ) -> None:
        """Wire an encoder of a PandA to the axis of a motor, or an output to the triggers of cameras.

        The parameters are the keys of `twin.wires` in the beamline file.

        :param signal: prefix and name in the box, such as `BL01X-EA-PANDA-01:INENC1.VAL`.
        :raises TwinError: when what it should connect is not there.
        """
        if self._described is None:
            raise TwinError("the twin does not run yet")
        try:
            entry = WireEntry(motor=motor, resolution=resolution, dataset=dataset, cameras=tuple(cameras))
            made = wire_of(self._described, signal, entry)
        except ValueError as error:
            raise TwinError(str(error)) from error
        for ioc in self._iocs.values():
            if isinstance(ioc.records, TreeRecords) and made.prefix in ioc.records.prefixes:
                ioc.records = ioc.records.wired(made)
                ioc.order("wire", made.to_json())
                self._send_moves(ioc)

    # Looking

    @property
    def iocs(self) -> Mapping[str, IocProcess]:
        """The IOCs by name."""
        return self._iocs

    @property
    def records(self) -> dict[str, str]:
        """Every record that is served with its type."""
        return {name: kind for ioc in self._iocs.values() for name, kind in ioc.records.types.items()}

    @property
    def left_out(self) -> list[str]:
        """What cannot be served as described: records of unknown types, and values that EPICS refuses."""
        return [line for ioc in self._iocs.values() for line in ioc.records.left_out]

    @property
    def positions(self) -> dict[str, float]:
        """The present dial positions of the axes, by motor record."""
        now = self.clock.now()
        return {name: trajectory.position(now) for name, trajectory in list(self.trajectories.items())}

    @property
    def moving(self) -> list[str]:
        """The motors whose axes move at this moment."""
        now = self.clock.now()
        return [name for name, trajectory in list(self.trajectories.items()) if now < trajectory.end]

    def get(self, pv: str) -> Any:
        """Read a field in its IOC: a number, a state's number, a text, or a list."""
        return self._of(pv).order("get", pv)

    def put(self, pv: str, value: Any) -> None:
        """Write a field in its IOC, readbacks as well; what hardware would say is said like this."""
        self._of(pv).order("put", pv, value)

    def camera(self, of: str) -> CameraControl:
        """Return the trigger input of a camera.

        :param of: its asyn port, or what its records start with.
        :raises TwinError: when the twin has no such camera.
        """
        found = find_camera(self._iocs.values(), of)
        if found is None:
            raise TwinError(f"the twin has no camera {of}")
        return found

    # Faults

    def kill(self, ioc: str) -> None:
        """Kill an IOC as a crash would; `restart` brings it back."""
        self._named(ioc).kill()

    def restart(self, ioc: str, timeout: float = 60.0) -> None:
        """Start an IOC anew, running or not, with the values of its databases; axes stay where they are."""
        one = self._named(ioc)
        one.stop()
        one.launch(self.positions)
        one.wait(timeout)
        self._send_moves(one)

    @contextmanager
    def down(self, ioc: str) -> Iterator[None]:
        """Stop an IOC inside the block."""
        self.kill(ioc)
        try:
            yield
        finally:
            self.restart(ioc)

    @contextmanager
    def without(self, *patterns: str) -> Iterator[None]:
        """Remove records that match a glob inside the block, as by a wrong database change: their IOCs restart."""
        changed = {}
        for ioc in self._iocs.values():
            gone = [name for name in ioc.records.types if any(fnmatchcase(name, pattern) for pattern in patterns)]
            if gone:
                changed[ioc] = ioc.records
                ioc.records = ioc.records.without(gone)
        if not changed:
            raise TwinError(f"no record matches {' or '.join(patterns)}")
        try:
            for ioc in changed:
                self.restart(ioc.name)
            yield
        finally:
            for ioc, records in changed.items():
                ioc.records = records
                self.restart(ioc.name)

    @contextmanager
    def stuck(self, motor: str) -> Iterator[None]:
        """Make an axis stick inside the block; it moves on afterwards, if it was not stopped."""
        with self.failing(motor, "stuck"):
            yield

    @contextmanager
    def dropped_frames(self, acquire: str) -> Iterator[None]:
        """Lose the frames of a camera on their way to its plugins.

        :param acquire: the camera's Acquire record.
        """
        with self.failing(acquire, "dropped"):
            yield

    @contextmanager
    def late_frames(self, acquire: str) -> Iterator[None]:
        """Delay the frames of a camera by a second on their way to its plugins.

        :param acquire: the camera's Acquire record.
        """
        with self.failing(acquire, "late"):
            yield

    @contextmanager
    def failing(self, record: str, fault: str) -> Iterator[None]:
        """Make what a record runs fail inside the block.

        A motor can be `stuck`, and meet a `limit` switch while it moves. A camera (its Acquire) can be `stuck`, and
        its frames `dropped` or `late`. The disk of a file writer (its Capture) can be `full`, and a flush `slow` or
        `stuck`.
        """
        ioc = self._of(record)
        ioc.order("fault", record, fault, True)
        try:
            yield
        finally:
            ioc.order("fault", record, fault, False)

    @contextmanager
    def value(self, pv: str, during: Any) -> Iterator[None]:
        """Set a field inside the block, such as the ring current to 0, and restore it afterwards."""
        before = self.get(pv)
        self.put(pv, during)
        try:
            yield
        finally:
            self.put(pv, before)

    def beam_loss(self, current: str) -> Any:
        """Lose the beam for a while: the record of the ring current says 0."""
        return self.value(current, 0.0)

    def _named(self, ioc: str) -> IocProcess:
        if ioc not in self._iocs:
            raise TwinError(f"no IOC {ioc} runs; there are {', '.join(self._iocs) or 'none'}")
        return self._iocs[ioc]

    def _of(self, pv: str) -> IocProcess:
        record = pv.partition(".")[0]
        for ioc in self._iocs.values():
            if record in ioc.records.types or record in ioc.records.aliases:
                return ioc
        raise TwinError(f"no IOC of the twin has {record}")
