"""PandA boxes: their generated blocks, which are a detector that writes HDF5 and make triggers for other devices.

ADR 0017 rules here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ophyd_async.core import Device, DeviceVector, PathProvider, StandardDetector, StandardFlyable
from ophyd_async.epics.motor import Motor
from ophyd_async.fastcs.panda import (
    DataBlock,
    InencBlock,
    PcapBlock,
    PcompBlock,
    PcompInfo,
    PosOutScaleOffset,
    ScanSpecInfo,
    ScanSpecSeqTableFlyableLogic,
    SeqBlock,
    SeqTableInfo,
    StaticPcompFlyableLogic,
    StaticSeqTableFlyableLogic,
)

from beamwright_runtime.devices.record_device import RecordDevice
from beamwright_runtime.ophyd_seam import panda_logics

BlockT = TypeVar("BlockT", bound=Device)
MotorT = TypeVar("MotorT", bound=Motor)


class Panda(RecordDevice, StandardDetector):
    """A PandA whose generated blocks stand at its top, as in ophyd-async's `HDFPanda`, and connect without PVI.

    A subclass declares the blocks, `pcap` and `data` among them. Position capture is the detector: it takes level
    triggers, needs 8 ns between exposures, and its data block writes one HDF5 dataset for each captured position.

    :param prefix: starts the name of every PV, `pva://` first.
    :param path_provider: says where the data block writes its files; without it nothing is written.
    :param name: what the device is called in documents.
    :raises TypeError: if the class declares no `pcap` or `data` that extends ophyd-async's block of that kind.
    """

    def __init__(self, prefix: str, path_provider: PathProvider | None = None, name: str = "") -> None:
        super().__init__(prefix, name)
        pcap, data = self._block("pcap", PcapBlock), self._block("data", DataBlock)
        self.add_detector_logics(*panda_logics(pcap, data, path_provider))

    def table_flyer(self, number: int = 1) -> StandardFlyable[SeqTableInfo, None]:
        """Make a flyer that plays a table with a sequencer; its `time1` and `time2` are in units of the prescale.

        :param number: of the sequencer; keep the flyer for the whole scan, each call makes another.
        :returns: a flyer, to be prepared with a table.
        :raises ValueError: if there is no such sequencer.
        :raises TypeError: if the sequencers do not extend ophyd-async's `SeqBlock`.
        """
        return StaticSeqTableFlyableLogic(self._member("seq", number, SeqBlock)).with_device(f"{self.name}-seq{number}")

    def compare_flyer(self, number: int = 1) -> StandardFlyable[PcompInfo, None]:
        """Make a flyer that sends a pulse at every step of a position, all in encoder counts.

        :param number: of the position compare block; keep the flyer for the whole scan, each call makes another.
        :returns: a flyer, to be prepared with positions.
        :raises ValueError: if there is no such block.
        :raises TypeError: if the blocks do not extend ophyd-async's `PcompBlock`.
        """
        return StaticPcompFlyableLogic(self._member("pcomp", number, PcompBlock)).with_device(
            f"{self.name}-pcomp{number}"
        )

    def scan_flyer(
        self, number: int = 1, positions: Mapping[MotorT, PosOutScaleOffset] | None = None
    ) -> StandardFlyable[ScanSpecInfo, None]:
        """Make a flyer that triggers each point of a scan specification with a sequencer; times in seconds.

        :param number: of the sequencer; keep the flyer for the whole scan, each call makes another.
        :param positions: the encoder that counts each motor; without one, rows start in time alone.
        :returns: a flyer, to be prepared with a scan specification.
        :raises ValueError: if there is no such sequencer.
        :raises TypeError: if the sequencers do not extend ophyd-async's `SeqBlock`.
        """
        seq = self._member("seq", number, SeqBlock)
        known: dict[Motor, PosOutScaleOffset] = dict((positions or {}).items())
        return ScanSpecSeqTableFlyableLogic(seq, known).with_device(f"{self.name}-seq{number}")

    def encoder(self, number: int) -> PosOutScaleOffset:
        """Return the signal of an encoder's position, for triggers that compare it.

        `PosOutScaleOffset.from_inenc` of ophyd-async takes its own PandAs alone, and type checkers refuse this one.

        :param number: of the encoder input.
        :raises ValueError: if there is no such input.
        :raises TypeError: if the inputs do not extend ophyd-async's `InencBlock`.
        """
        block = self._member("inenc", number, InencBlock)
        return PosOutScaleOffset(f"INENC{number}.VAL", block.val_scale, block.val_offset)

    def _block(self, attribute: str, kind: type[BlockT]) -> BlockT:
        block = dict(self.children()).get(attribute)
        if not isinstance(block, kind):
            raise TypeError(f"{type(self).__name__}.{attribute} is not a {kind.__name__} of ophyd-async")
        return block

    def _member(self, attribute: str, number: int, kind: type[BlockT]) -> BlockT:
        vector = dict(self.children()).get(attribute)
        members = vector if isinstance(vector, DeviceVector) else {}
        if number not in members:
            there = ", ".join(map(str, members)) or "none"
            raise ValueError(f"{self.name or type(self).__name__} has no {attribute}[{number}], only: {there}")
        block = members[number]
        if not isinstance(block, kind):
            raise TypeError(f"{type(self).__name__}.{attribute}[{number}] is not a {kind.__name__} of ophyd-async")
        return block
