"""Take frames of different lengths in one go, timed by a sequencer of the PandA."""

from __future__ import annotations

from collections.abc import Sequence

import bluesky.plan_stubs as bps
import numpy as np
from bluesky.utils import MsgGenerator
from ophyd_async.core import DetectorTrigger, TriggerInfo
from ophyd_async.fastcs.panda import SeqTable, SeqTableInfo, SeqTrigger

from beamwright_generated.devices.panda import PandaBitBus, PandaDevice

MICROSECONDS = 1e6


def exposure_table(exposures: Sequence[float], readout: float) -> SeqTable:
    """Make a table that holds output A high for each exposure and low for the readout after it; times in seconds."""
    rows = len(exposures)
    once = np.ones(rows, np.uint16)
    anywhere = np.zeros(rows, np.int32)
    exposed = np.array([round(exposure * MICROSECONDS) for exposure in exposures], np.uint32)
    read_out = np.full(rows, round(readout * MICROSECONDS), np.uint32)
    high, low = np.ones(rows, np.bool_), np.zeros(rows, np.bool_)
    return SeqTable(
        repeats=once,
        trigger=[SeqTrigger.IMMEDIATE] * rows,
        position=anywhere,
        time1=exposed,
        outa1=high,
        outb1=low,
        outc1=low,
        outd1=low,
        oute1=low,
        outf1=low,
        time2=read_out,
        outa2=low,
        outb2=low,
        outc2=low,
        outd2=low,
        oute2=low,
        outf2=low,
    )


def fly_exposures(panda: PandaDevice, exposures: Sequence[float], readout: float = 0.001) -> MsgGenerator[str]:
    """Capture the encoders at the beginning of each exposure of a table that the first sequencer plays.

    :param exposures: lengths of the frames, in seconds.
    :param readout: from the end of a frame to the next, in seconds.
    :return: the run's identifier.
    """
    sequence = panda.table_flyer(1)
    table = SeqTableInfo(sequence_table=exposure_table(exposures, readout), repeats=1, prescale_as_us=1)
    frames = TriggerInfo(trigger=DetectorTrigger.EXTERNAL_LEVEL, deadtime=readout, number_of_events=len(exposures))

    yield from bps.stage_all(panda, sequence)
    run: str = yield from bps.open_run({"plan_name": "fly_exposures", "detectors": [panda.name]})
    yield from bps.mv(panda.pcap.trig, PandaBitBus.SEQ1_OUTA)
    yield from bps.prepare(panda, frames, wait=True)
    yield from bps.prepare(sequence, table, wait=True)
    yield from bps.declare_stream(panda, name="primary", collect=True)
    # The capture is armed before the sequencer sends its first edge.
    yield from bps.kickoff_all(panda, wait=True)
    yield from bps.kickoff_all(sequence, wait=True)
    yield from bps.collect_while_completing([sequence, panda], [panda], flush_period=0.5, stream_name="primary")
    yield from bps.close_run()
    yield from bps.unstage_all(panda, sequence)
    return run
