"""Motor records.

ADR 0008 rules here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Annotated

from bluesky.protocols import Reading
from ophyd_async.core import (
    DeviceConnector,
    SignalR,
    SignalRW,
    SignalW,
    StrictEnum,
    SubsetEnum,
    TimeoutCalculator,
    TriggerableCommand,
)
from ophyd_async.core import StandardReadableFormat as Format
from ophyd_async.epics import motor
from ophyd_async.epics.core import EpicsDeviceConnector, EpicsOptions, PvSuffix

from beamwright_runtime.connection.tree_device import TreeDevice
from beamwright_runtime.devices.record_device import RecordConnector, record_command

LONGEST_MOVE = 600.0
"""Seconds that homing and tweaking may take: no field of the record tells how far they go."""


LATEST_UPDATE = 0.5
"""Seconds that an update of the readback is awaited after a move; MDEL may keep the record from sending a last one."""


class MotorDirection(StrictEnum):
    """Which way the dial runs as the user position grows (.DIR)."""

    POSITIVE = "Pos"
    NEGATIVE = "Neg"


class MotorMode(StrictEnum):
    """What the record does with a new setpoint (.SPMG)."""

    STOP = "Stop"
    """Stop, and ignore setpoints."""
    PAUSE = "Pause"
    """Stop, and go on when the mode becomes Move or Go."""
    MOVE = "Move"
    """Make one move, then pause."""
    GO = "Go"
    """Move to every setpoint."""


class RetryMode(SubsetEnum):
    """How the record corrects a move that missed (.RMOD)."""

    DEFAULT = "Default"
    ARITHMETIC = "Arithmetic"
    GEOMETRIC = "Geometric"


async def wait_for_update(readback: SignalR[float]) -> None:
    """Wait until a signal that is monitored has the value that the server has now.

    A server may answer a put before it sends the updates that came with it: base's CA server runs its put callbacks
    between two rounds of updates.
    """
    try:
        latest = await readback.read(cached=True)
    except RuntimeError:  # nobody monitors it: whoever reads it asks the server
        return
    value = (await readback.read(cached=False))[readback.name]["value"]
    if latest[readback.name]["value"] == value:
        return
    arrived = asyncio.Event()

    def look(reading: dict[str, Reading[float]]) -> None:
        if reading[readback.name]["value"] == value:
            arrived.set()

    readback.subscribe_reading(look)
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(arrived.wait(), LATEST_UPDATE)
    finally:
        readback.clear_sub(look)


class MoveAndRead(motor.MotorFlyableMovableLogic):
    """Moves as ophyd-async does, and has arrived when what is read of the motor has."""

    async def move(self, new_position: float, timeout: TimeoutCalculator) -> None:
        """Move; a scan that reads the motor next reads where it is, and not where it was a moment ago."""
        await super().move(new_position, timeout)
        await wait_for_update(self.readback)


class Motor(TreeDevice, motor.Motor):
    """A motor record: ophyd-async's motor with the further fields that beamlines use.

    Flags that the record keeps as short integers are `int`, which CA and PVA both serve them as.
    A subclass may declare more: `version: A[SignalR[float], PvSuffix(".VERS")]`.

    :param prefix: the record's name; `pva://` or `ca://` before it chooses the protocol, else CA.
    :param name: what the motor is called in documents.
    :param connector: given instead of a prefix where another device declares the motor as its child.
    """

    # The signals of ophyd-async's motor, which makes them on backends of its own.
    motor_egu: Annotated[SignalR[str], PvSuffix(".EGU"), Format.CONFIG_SIGNAL]
    motor_resolution: Annotated[SignalR[float], PvSuffix(".MRES"), Format.CONFIG_SIGNAL]
    steps_per_revolution: Annotated[SignalR[int], PvSuffix(".SREV"), Format.CONFIG_SIGNAL]
    units_per_revolution: Annotated[SignalR[float], PvSuffix(".UREV"), Format.CONFIG_SIGNAL]
    encoder_resolution: Annotated[SignalR[float], PvSuffix(".ERES"), Format.CONFIG_SIGNAL]
    velocity: Annotated[SignalRW[float], PvSuffix(".VELO"), Format.CONFIG_SIGNAL]
    offset: Annotated[SignalRW[float], PvSuffix(".OFF"), Format.CONFIG_SIGNAL]
    user_readback: Annotated[SignalR[float], PvSuffix(".RBV"), Format.HINTED_SIGNAL]
    user_setpoint: Annotated[SignalRW[float], PvSuffix(".VAL")]
    max_velocity: Annotated[SignalR[float], PvSuffix(".VMAX")]
    acceleration_time: Annotated[SignalRW[float], PvSuffix(".ACCL")]
    precision: Annotated[SignalR[int], PvSuffix(".PREC")]
    deadband: Annotated[SignalR[float], PvSuffix(".RDBD")]
    motor_done_move: Annotated[SignalR[int], PvSuffix(".DMOV")]
    low_limit_travel: Annotated[SignalRW[float], PvSuffix(".LLM")]
    high_limit_travel: Annotated[SignalRW[float], PvSuffix(".HLM")]
    dial_low_limit_travel: Annotated[SignalRW[float], PvSuffix(".DLLM")]
    dial_high_limit_travel: Annotated[SignalRW[float], PvSuffix(".DHLM")]
    offset_freeze_switch: Annotated[SignalRW[motor.OffsetMode], PvSuffix(".FOFF")]
    high_limit_switch: Annotated[SignalR[int], PvSuffix(".HLS")]
    low_limit_switch: Annotated[SignalR[int], PvSuffix(".LLS")]
    output_link: Annotated[SignalR[str], PvSuffix(".OUT")]
    set_use_switch: Annotated[SignalRW[motor.UseSetMode], PvSuffix(".SET")]
    # A put to .STOP is done when the move is, which nobody who stops waits for.
    motor_stop: Annotated[SignalW[int], PvSuffix(".STOP"), EpicsOptions(wait=False)]

    description: Annotated[SignalRW[str], PvSuffix(".DESC")]

    dial_setpoint: Annotated[SignalRW[float], PvSuffix(".DVAL")]
    dial_readback: Annotated[SignalR[float], PvSuffix(".DRBV")]
    raw_setpoint: Annotated[SignalRW[int], PvSuffix(".RVAL")]
    raw_readback: Annotated[SignalR[int], PvSuffix(".RRBV")]
    raw_motor_position: Annotated[SignalR[int], PvSuffix(".RMP")]
    raw_encoder_position: Annotated[SignalR[int], PvSuffix(".REP")]
    relative_move: Annotated[SignalRW[float], PvSuffix(".RLV")]
    position_error: Annotated[SignalR[float], PvSuffix(".DIFF")]
    direction: Annotated[SignalRW[MotorDirection], PvSuffix(".DIR")]
    direction_of_travel: Annotated[SignalR[int], PvSuffix(".TDIR")]

    mode: Annotated[SignalRW[MotorMode], PvSuffix(".SPMG")]
    moving: Annotated[SignalR[int], PvSuffix(".MOVN")]
    missed: Annotated[SignalR[int], PvSuffix(".MISS")]
    limit_violation: Annotated[SignalR[int], PvSuffix(".LVIO")]
    at_home: Annotated[SignalR[int], PvSuffix(".ATHM")]
    raw_high_limit_switch: Annotated[SignalR[int], PvSuffix(".RHLS")]
    raw_low_limit_switch: Annotated[SignalR[int], PvSuffix(".RLLS")]
    controller_status: Annotated[SignalR[int], PvSuffix(".MSTA")]
    sync: Annotated[TriggerableCommand, PvSuffix(".SYNC")]

    base_velocity: Annotated[SignalRW[float], PvSuffix(".VBAS")]
    backlash_distance: Annotated[SignalRW[float], PvSuffix(".BDST")]
    backlash_velocity: Annotated[SignalRW[float], PvSuffix(".BVEL")]
    backlash_acceleration_time: Annotated[SignalRW[float], PvSuffix(".BACC")]
    settling_time: Annotated[SignalRW[float], PvSuffix(".DLY")]

    # A put to a jog is done when the motor stops, so it is not waited for.
    jog_velocity: Annotated[SignalRW[float], PvSuffix(".JVEL")]
    jog_acceleration: Annotated[SignalRW[float], PvSuffix(".JAR")]
    jog_forward: Annotated[SignalRW[int], PvSuffix(".JOGF"), EpicsOptions(wait=False)]
    jog_reverse: Annotated[SignalRW[int], PvSuffix(".JOGR"), EpicsOptions(wait=False)]

    home_velocity: Annotated[SignalRW[float], PvSuffix(".HVEL")]

    tweak_step: Annotated[SignalRW[float], PvSuffix(".TWV")]

    retry_mode: Annotated[SignalRW[RetryMode], PvSuffix(".RMOD")]
    retry_limit: Annotated[SignalRW[int], PvSuffix(".RTRY")]
    retry_count: Annotated[SignalR[int], PvSuffix(".RCNT")]

    use_encoder: Annotated[SignalRW[bool], PvSuffix(".UEIP")]
    use_readback_link: Annotated[SignalRW[bool], PvSuffix(".URIP")]
    enabled: Annotated[SignalRW[bool], PvSuffix(".CNEN")]

    def __init__(
        self,
        prefix: str = "",
        name: str = "",
        connector: DeviceConnector | None = None,
        *,
        macros: Mapping[str, str] | None = None,
    ) -> None:
        if connector is not None:
            if prefix or not isinstance(connector, EpicsDeviceConnector):
                raise ValueError("a motor takes a prefix, or the connector of the device that declares it")
            prefix = connector.prefix
        # Past the constructor of ophyd-async's motor, which makes signals.
        super(motor.Motor, self).__init__(connector=RecordConnector(prefix, macros))
        self._prefix = prefix
        self.home_forward = record_command(f"{prefix}.HOMF", LONGEST_MOVE)
        self.home_reverse = record_command(f"{prefix}.HOMR", LONGEST_MOVE)
        self.tweak_forward = record_command(f"{prefix}.TWF", LONGEST_MOVE)
        self.tweak_reverse = record_command(f"{prefix}.TWR", LONGEST_MOVE)
        self.set_name(name)

    @cached_property
    def _logic(self) -> MoveAndRead:
        """How it moves and flies."""
        return MoveAndRead(
            readback=self.user_readback,
            setpoint=self.user_setpoint,
            motor_stop=self.motor_stop,
            low_limit_travel=self.low_limit_travel,
            high_limit_travel=self.high_limit_travel,
            dial_low_limit_travel=self.dial_low_limit_travel,
            dial_high_limit_travel=self.dial_high_limit_travel,
            velocity=self.velocity,
            acceleration_time=self.acceleration_time,
            motor_done_move=self.motor_done_move,
            max_velocity=self.max_velocity,
            motor_egu=self.motor_egu,
        )

    @property
    def prefix(self) -> str:
        """What starts the name of every record, its protocol included where one was given."""
        return self._prefix
