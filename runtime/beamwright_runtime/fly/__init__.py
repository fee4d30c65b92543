"""Fly scans that pause, resume and rewind without losing, repeating or misplacing a frame."""

from beamwright_runtime.documents import Places, Segment, places_of, rows_of
from beamwright_runtime.errors import FlyScanError, ScanRefusedError
from beamwright_runtime.fly.beam_watch import BeamWatch
from beamwright_runtime.fly.detectors.emission import EAGER, Emission, Overwrites, Surplus
from beamwright_runtime.fly.detectors.flown_detector import FlownDetector
from beamwright_runtime.fly.flight_settings import Flight, Timing
from beamwright_runtime.fly.fly_state import FlyState
from beamwright_runtime.fly.motion.motor_motion import MotionLogic, MotorMotion
from beamwright_runtime.fly.motion.trajectory_motion import TrajectoryMotion
from beamwright_runtime.fly.scan import Points, Scan
from beamwright_runtime.fly.scanner import FlyScanner
from beamwright_runtime.fly.triggers.panda_triggers import PositionCompareTriggers, SequencerTriggers
from beamwright_runtime.fly.triggers.pulse_trains import PulseTrains
from beamwright_runtime.fly.triggers.trigger_logic import SoftwareTriggers, TriggerLogic

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
