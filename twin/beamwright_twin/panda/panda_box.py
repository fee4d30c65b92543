"""A PandA that behaves: its blocks, made from the signals that a snapshot has, and what is wired to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from beamwright_twin.description.wiring import Wire
from beamwright_twin.panda.block_base import PandaBlock
from beamwright_twin.panda.bus import Bus
from beamwright_twin.panda.capture import CaptureBlock, CaptureSource, DataBlock
from beamwright_twin.panda.encoder_input import EncoderInput
from beamwright_twin.panda.engine import Engine
from beamwright_twin.panda.pulse_blocks import Counter, PositionCompare, Pulse
from beamwright_twin.panda.sequencer import Sequencer
from beamwright_twin.pva.pvi_server import signals_of
from beamwright_twin.pva.pvi_signal import TreeSignal
from beamwright_twin.sim.axis_motion import Trajectory

KINDS: Final[Mapping[str, Callable[[Bus, str, Mapping[str, TreeSignal]], PandaBlock]]] = {
    "inenc": EncoderInput,
    "seq": Sequencer,
    "pcomp": PositionCompare,
    "pulse": Pulse,
    "counter": Counter,
}
"""The numbered blocks that behave, by the names that PandABlocks has for them."""

_CAPTURE: Final = "_capture"


def is_panda(signals: Mapping[str, TreeSignal]) -> bool:
    """Return whether a tree is that of a PandA: it has position capture and its file writer."""
    return {"pcap.arm", "pcap.active", "data.capture", "data.datasets"} <= signals.keys()


class PandaBox:
    """One box. Everything happens in the thread that runs its engine.

    :param signals: those of the tree by their way in it, such as `seq.1.enable`.
    """

    def __init__(self, signals: Mapping[str, TreeSignal]) -> None:
        self.engine = Engine()
        self.bus = Bus(self.engine)
        self.triggers: dict[str, list[float]] = {}
        """When outputs rose that trigger cameras, by the cameras' prefixes, as long as nobody has taken them."""
        self.late = 0
        """Motions of which the box heard when it had gone on without them."""
        self.behind = False
        """Whether more happens in the box than can be played in time."""
        self._busy_since: float | None = None
        self._signals = signals
        self._blocks = dict(self._made())
        self.data = DataBlock(self.bus, signals_of(signals, "data"), list(self._captured()))
        self.capture = CaptureBlock(self.bus, signals_of(signals, "pcap"), self.data)

    def _made(self) -> Iterator[tuple[str, PandaBlock]]:
        for path in dict.fromkeys(name.rpartition(".")[0] for name in self._signals):
            found = re.fullmatch(r"(\w+)\.(\d+)", path)
            if found and found[1] in KINDS:
                name = f"{found[1].upper()}{found[2]}"
                yield path, KINDS[found[1]](self.bus, name, signals_of(self._signals, path))

    def _captured(self) -> Iterator[CaptureSource]:
        for block in self._blocks.values():
            for name, capture in block.signals.items():
                position = name.removesuffix(_CAPTURE)
                wire = f"{block.name}.{position.upper()}"
                dataset = block.signals.get(f"{position}_dataset")
                if name != position and dataset is not None and wire in self.bus.positions:
                    yield CaptureSource(capture, dataset, partial(self._scaled, block, position, wire))

    def _scaled(self, block: PandaBlock, position: str, wire: str) -> float:
        scale, offset = block.get(f"{position}_scale", 1.0), block.get(f"{position}_offset")
        return self.bus.counts(wire) * float(scale) + float(offset)

    # -- what it is connected to

    @property
    def encoders(self) -> list[EncoderInput]:
        """The encoder inputs."""
        return [block for block in self._blocks.values() if isinstance(block, EncoderInput)]

    def connect(self, wire: Wire) -> None:
        """Connect a wire.

        :raises ValueError: when the box has no such encoder.
        """
        for camera in wire.cameras:
            self.bus.on_rise(wire.signal, partial(self._trigger, camera))
        if wire.motor:
            encoder = next((one for one in self.encoders if f"{one.name}.VAL" == wire.signal), None)
            if encoder is None:
                raise ValueError(f"{wire.prefix} has no encoder {wire.signal}")
            encoder.connect(wire)

    def _trigger(self, camera: str) -> None:
        self.triggers.setdefault(camera, []).append(self.engine.now)

    def move(self, motor: str, trajectory: Trajectory) -> None:
        """Move an axis along a trajectory."""
        for encoder in self.encoders:
            if encoder.motor != motor:
                continue
            if self._busy_since is not None and self._busy_since <= trajectory.start < self.engine.now:
                self.late += 1
            self.engine.at(trajectory.start, partial(encoder.move, trajectory))

    # -- time

    def write(self, asked: float, work: Callable[[], None]) -> None:
        """Execute a client's write at the time of the request, or at once if the box will not get there."""
        self.engine.at(self.engine.now if self.behind else asked, work)

    @property
    def busy(self) -> bool:
        """Whether something runs whose moments must be exact."""
        return self.engine.running or self.capture.armed

    def run(self, now: float, lag: float) -> None:
        """Play everything up to now, or while something runs up to a while ago, when all motions are known.

        :param lag: seconds after which every motion that has begun is known here.
        """
        self._play_idle(now)
        self._busy_since = (self._busy_since or self.engine.now) if self.busy else None
        self.behind = self.busy and not self.engine.run(max(self.engine.now, now - lag))
        # The last thing may have ended, and nobody comes back to a box that has nothing to do.
        self._play_idle(now)
        self.data.write_out(at_once=not self.busy)

    def _play_idle(self, now: float) -> None:
        """Play what is due, until something runs."""
        while not self.busy and self.engine.next <= now:
            self.engine.run(self.engine.next)

    def show(self, now: float) -> None:
        """Update the readbacks of the encoders."""
        for encoder in self.encoders:
            encoder.show(now)

    def moving(self, now: float) -> bool:
        """Return whether an axis moves."""
        return any(now < encoder.encoder.trajectory.end for encoder in self.encoders)
