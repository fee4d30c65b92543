"""Fly scans that pause, resume and rewind without losing, repeating or misplacing a frame."""

from beamwright_runtime.fly.beam import BeamWatch
from beamwright_runtime.fly.detectors import FlownDetector
from beamwright_runtime.fly.emission import EAGER, Emission, Overwrites, Surplus
from beamwright_runtime.fly.errors import FlyScanError, ScanRefusedError
from beamwright_runtime.fly.motion import MotionLogic, MotorMotion
from beamwright_runtime.fly.panda_triggers import PositionCompareTriggers, SequencerTriggers
from beamwright_runtime.fly.prepared import Flight, Timing
from beamwright_runtime.fly.pulse_trains import PulseTrains
from beamwright_runtime.fly.scan import Points, Scan
from beamwright_runtime.fly.scanner import FlyScanner
from beamwright_runtime.fly.segments import Places, Segment, places_of, rows_of
from beamwright_runtime.fly.states import FlyState
from beamwright_runtime.fly.trajectory import TrajectoryMotion
from beamwright_runtime.fly.triggers import SoftwareTriggers, TriggerLogic

__all__ = [
    "EAGER",
    "BeamWatch",
    "Emission",
    "Flight",
    "FlownDetector",
    "FlyScanError",
    "FlyScanner",
    "FlyState",
    "MotionLogic",
    "MotorMotion",
    "Overwrites",
    "Places",
    "Points",
    "PositionCompareTriggers",
    "PulseTrains",
    "Scan",
    "ScanRefusedError",
    "Segment",
    "SequencerTriggers",
    "SoftwareTriggers",
    "Surplus",
    "Timing",
    "TrajectoryMotion",
    "TriggerLogic",
    "places_of",
    "rows_of",
]
