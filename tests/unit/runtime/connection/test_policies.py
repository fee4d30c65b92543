"""Devices connect in the background, in turn, and at once when somebody needs them; their state tells how it went."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from ophyd_async.core import (
    DEFAULT_TIMEOUT,
    Device,
    DeviceMock,
    NotConnectedError,
    get_mock_put,
    init_devices,
    set_mock_value,
)

from beamwright_runtime import Beamline, ConnectionFailedError, DeviceFactory, Policy, Reason, Stage, device_factory
from beamwright_runtime.connection.device_connection import DeviceConnection, connect_in_background, connection_of
from tests.helpers.slow_device import Slow


class Beam:
    """A beamline of slow devices, made anew for each test."""

    def __init__(self, count: int, *, policy: Policy = Policy.EAGER) -> None:
        self.devices = Beamline("slow")
        self.factories: list[DeviceFactory[Slow]] = [self._add(f"d{number}", policy) for number in range(count)]

    def _add(self, name: str, policy: Policy) -> DeviceFactory[Slow]:
        def make() -> Slow:
            return Slow()

        make.__name__ = name
        return self.devices.factory(policy=policy)(make)

    def stages(self) -> list[str]:
        return [state.stage.value for state in self.devices.states.values()]


async def turn() -> None:
    """Let every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_start_connects_eager_devices_only() -> None:
    beam = Beam(2)
    lazy, explicit = beam._add("lazy", Policy.LAZY), beam._add("explicit", Policy.EXPLICIT)
    starting = asyncio.wrap_future(beam.devices.start())
    for factory in beam.factories:
        (await factory.make()).finish.set()
    result = await starting
    assert list(result.devices) == ["d0", "d1"]
    assert result.or_raise() == result.devices
    assert beam.stages() == ["connected", "connected", "not built", "not built"]
    assert lazy.device is None
    assert explicit.device is None


async def test_start_connects_other_policies_when_told() -> None:
    beam = Beam(1, policy=Policy.LAZY)
    (await beam.factories[0].make()).finish.set()
    result = await asyncio.wrap_future(beam.devices.start(Policy.EAGER, Policy.LAZY))
    assert list(result.devices) == ["d0"]


async def test_a_few_connect_at_a_time_and_the_others_wait_their_turn() -> None:
    beam = Beam(4)
    devices = [factory() for factory in beam.factories]
    work = asyncio.create_task(connect_in_background([f.connection for f in beam.factories], parallel=2))
    await devices[1].began.wait()
    assert beam.stages() == ["connecting", "connecting", "queued", "queued"]
    devices[0].finish.set()
    await devices[2].began.wait()
    assert beam.stages() == ["connected", "connecting", "connecting", "queued"]
    for device in devices:
        device.finish.set()
    assert await work == {}
    assert beam.stages() == ["connected"] * 4


async def test_what_somebody_needs_does_not_wait_its_turn() -> None:
    beam = Beam(3)
    devices = [factory() for factory in beam.factories]
    work = asyncio.create_task(connect_in_background([f.connection for f in beam.factories], parallel=1))
    await devices[0].began.wait()
    needed = asyncio.create_task(beam.factories[2].connect())
    await devices[2].began.wait()
    assert beam.stages() == ["connecting", "queued", "connecting"]
    devices[2].finish.set()
    assert await needed is devices[2]
    assert beam.stages() == ["connecting", "queued", "connected"]
    devices[0].finish.set()
    devices[1].finish.set()
    await work
    assert [len(device.attempts) for device in devices] == [1, 1, 1]


async def test_the_background_waits_for_what_overtook_it() -> None:
    beam = Beam(2)
    devices = [factory() for factory in beam.factories]
    work = asyncio.create_task(connect_in_background([f.connection for f in beam.factories], parallel=1))
    await devices[0].began.wait()
    needed = asyncio.create_task(beam.factories[1].connect())
    await devices[1].began.wait()
    devices[0].finish.set()
    await turn()
    assert not work.done()
    devices[1].fault = "no such shutter"
    devices[1].finish.set()
    assert "no such shutter" in str((await work)["d1"])
    with pytest.raises(NotConnectedError, match="no such shutter"):
        await needed


async def test_everybody_shares_one_attempt() -> None:
    (factory,) = Beam(1).factories
    waits = [asyncio.create_task(factory.connect()) for _ in range(5)]
    await factory().began.wait()
    factory().finish.set()
    assert set(await asyncio.gather(*waits)) == {factory()}
    assert len(factory().attempts) == 1


async def test_cancelling_one_does_not_touch_the_others() -> None:
    (factory,) = Beam(1).factories
    first, second = (asyncio.create_task(factory.connect()) for _ in range(2))
    await factory().began.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    factory().finish.set()
    assert await second is factory()
    assert factory.state.stage is Stage.CONNECTED
    assert len(factory().attempts) == 1


async def test_cancelling_the_start_leaves_attempts_alone_and_empties_the_queue() -> None:
    beam = Beam(2)
    devices = [factory() for factory in beam.factories]
    work = asyncio.create_task(connect_in_background([f.connection for f in beam.factories], parallel=1))
    await devices[0].began.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert beam.stages() == ["connecting", "built"]
    devices[0].finish.set()
    await beam.factories[0].connect()
    assert devices[0].attempts == [(False, 10.0, False)]
    assert devices[1].attempts == []


async def test_an_attempt_that_is_cancelled_counts_as_failed_and_is_tried_again() -> None:
    (factory,) = Beam(1).factories
    waiting = asyncio.create_task(factory.connect())
    await factory().began.wait()
    (attempt,) = [task for task in asyncio.all_tasks() if task.get_name() == "connect d0"]
    attempt.cancel()
    with pytest.raises(NotConnectedError, match="connecting was cancelled"):
        await waiting
    assert str(factory.state) == "unhappy, because connecting was cancelled"
    factory().finish.set()
    await factory.connect()
    assert factory.state.stage is Stage.CONNECTED


class Own(Device):
    """Connects in a way of its own."""

    def __init__(self, late: Slow, name: str = "") -> None:
        self.late = late
        super().__init__(name)

    async def connect(
        self, mock: bool | DeviceMock = False, timeout: float = DEFAULT_TIMEOUT, force_reconnect: bool = False
    ) -> None:
        await super().connect(mock, timeout, force_reconnect)


async def give_up_connecting(device: Device, late: Slow) -> None:
    first = asyncio.create_task(device.connect())
    await late.began.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_device_of_ophyd_async_that_somebody_cancelled_is_unhappy_and_stops_nobody() -> None:
    device = Own(Slow())
    await give_up_connecting(device, device.late)
    error = await connection_of(device).join()
    assert "an earlier attempt to connect was cancelled" in str(error)


async def test_a_plain_group_that_somebody_cancelled_is_connected_by_the_next_one() -> None:
    device = Device("plain")
    device.late = Slow()
    await give_up_connecting(device, device.late)
    device.late.finish.set()
    assert await connection_of(device).join() is None
    assert len(device.late.attempts) == 2


async def test_why_a_device_is_unhappy_can_be_asked() -> None:
    beam = Beam(2)
    bad, good = [factory() for factory in beam.factories]
    assert beam.stages() == ["built", "built"]
    bad.fault = "BL01X-EA-IOC-01 does not answer"
    bad.finish.set()
    good.finish.set()
    result = await asyncio.wrap_future(beam.devices.start())
    state = beam.devices.states["d0"]
    assert state.stage is Stage.UNHAPPY
    assert isinstance(state.error, NotConnectedError)
    assert str(state) == "unhappy, because BL01X-EA-IOC-01 does not answer"
    assert result.connection_errors == {"d0": state.error}
    assert result.build_errors == {}
    assert list(result.devices) == ["d0", "d1"]
    assert beam.devices.summary() == (
        "slow: 1 of 2 devices connected, 1 unhappy\n  d0: failed: BL01X-EA-IOC-01 does not answer"
    )
    with pytest.raises(NotConnectedError, match="d0: failed: BL01X-EA-IOC-01 does not answer"):
        result.or_raise()


async def test_the_next_one_who_needs_an_unhappy_device_tries_again() -> None:
    (factory,) = Beam(1).factories
    factory().fault = "away"
    factory().finish.set()
    with pytest.raises(NotConnectedError, match="away"):
        await factory.connect()
    factory().fault = ""
    assert await factory.connect() is factory()
    assert str(factory.state) == "connected"


async def test_a_device_that_cannot_be_made_stops_neither_the_others_nor_the_start() -> None:
    devices = Beamline("x01")

    @devices.factory(policy=Policy.EAGER)
    def broken() -> Device:
        raise ValueError("no such axis")

    @devices.factory(policy=Policy.EAGER, optional=True)
    def starved(path_provider: object) -> Device:
        return Device()

    @devices.factory(policy=Policy.EAGER)
    def fine() -> Device:
        return Device()

    result = await asyncio.wrap_future(devices.start())
    assert list(result.devices) == ["fine"]
    assert str(devices.states["broken"]) == "unhappy, because no such axis"
    assert "starved() needs path_provider" in str(devices.states["starved"])
    assert set(result.build_errors) == {"broken", "starved"}
    assert result.optional == {"starved"}
    assert "  starved (optional): cannot be made: starved() needs path_provider" in devices.summary()
    with pytest.raises(ConnectionFailedError) as caught:
        result.or_raise()
    assert str(caught.value).splitlines()[1:] == [
        "  broken: cannot be made: no such axis",
        "  starved (optional): cannot be made: starved() needs path_provider: pass path_provider=... or set"
        ' devices.fixtures["path_provider"] on its beamline',
    ]
    assert caught.value.sub_errors == result.build_errors
    assert [(problem.device, problem.reason) for problem in caught.value.problems] == [
        ("broken", Reason.NOT_MADE),
        ("starved", Reason.NOT_MADE),
    ]


async def test_a_timeout_is_of_each_device() -> None:
    beam = Beam(2)
    devices = [factory() for factory in beam.factories]
    for device in devices:
        device.finish.set()
    beam.factories[0].connection._timeout = 3.0
    await asyncio.wrap_future(beam.devices.start())
    assert [device.attempts for device in devices] == [[(False, 3.0, False)], [(False, 10.0, False)]]
    await asyncio.wrap_future(beam.devices.start(timeout=1.5))
    assert [device.attempts[-1][1] for device in devices] == [1.5, 1.5]


async def test_a_caller_in_a_hurry_does_not_end_the_attempt() -> None:
    (factory,) = Beam(1).factories
    patient = asyncio.create_task(factory.connect())
    await factory().began.wait()
    with pytest.raises(NotConnectedError, match=r"still connecting after 0.01 s; it continues in the background"):
        await factory.connect(timeout=0.01)
    factory().finish.set()
    assert await patient is factory()


async def test_what_is_connected_stays_so_while_it_is_looked_at_again() -> None:
    (factory,) = Beam(1).factories
    device = factory()
    device.finish.set()
    await factory.connect()
    device.finish.clear()
    device.began.clear()
    again = asyncio.create_task(factory.connect(force_reconnect=True))
    await device.began.wait()
    assert factory.state.stage is Stage.CONNECTED
    device.fault = "gone"
    device.finish.set()
    with pytest.raises(NotConnectedError, match="gone"):
        await again
    assert device.attempts[-1] == (False, 10.0, True)
    assert factory.state.stage is Stage.UNHAPPY


async def test_forcing_waits_for_the_attempt_that_is_under_way() -> None:
    (factory,) = Beam(1).factories
    device = factory()
    first = asyncio.create_task(factory.connect())
    await device.began.wait()
    forced = asyncio.create_task(factory.connect(force_reconnect=True))
    await turn()
    assert len(device.attempts) == 1
    device.finish.set()
    await asyncio.gather(first, forced)
    assert [force for _, _, force in device.attempts] == [False, True]


async def test_connecting_in_mock_mode_again_keeps_mock_values() -> None:
    (factory,) = Beam(1).factories
    factory().finish.set()
    device = await factory.connect(mock=True)
    set_mock_value(device.value, 4.5)
    await factory.connect()
    assert await device.value.get_value() == 4.5
    get_mock_put(device.value).assert_not_called()
    assert [mock for mock, _, _ in device.attempts] == [True]


async def test_a_device_that_is_in_mock_mode_is_never_connected_to_hardware_by_chance() -> None:
    async with init_devices(mock=True, connect=False):
        device = Slow()
    device.finish.set()
    await device.connect(mock=True)
    assert await connection_of(device).join() is None
    assert device.attempts == [(True, 10.0, False)]
    assert await connection_of(device).join(mock=False) is None
    assert device.attempts[-1][0] is False


async def test_a_beamline_started_without_hardware_stays_so() -> None:
    beam = Beam(1)
    lazy = beam._add("lazy", Policy.LAZY)
    for factory in (*beam.factories, lazy):
        factory().finish.set()
    await asyncio.wrap_future(beam.devices.start(mock=True))
    await lazy.connect()
    assert [mock for mock, _, _ in lazy().attempts] == [True]


class Uses(Device):
    """Uses a device that it does not own."""

    def __init__(self, slow: Slow) -> None:
        self.used = [slow]
        super().__init__()


async def test_a_device_connects_those_it_uses() -> None:
    devices = Beamline("x01")

    @devices.factory()
    def slow() -> Slow:
        return Slow()

    @devices.factory()
    def user(slow: Slow) -> Uses:
        return Uses(slow)

    slow().fault = "away"
    slow().finish.set()
    with pytest.raises(NotConnectedError, match="user\n    slow: failed: away"):
        await user.connect()
    assert str(devices.states["user"]).startswith("unhappy, because")
    slow().fault = ""
    await user.connect(mock=True)
    assert slow.state.stage is Stage.CONNECTED
    assert slow().attempts[-1][0] is True


async def test_a_device_in_use_keeps_its_mode() -> None:
    devices = Beamline("x01")

    @devices.factory()
    def slow() -> Slow:
        return Slow()

    @devices.factory(mock=True)
    def user(slow: Slow) -> Uses:
        return Uses(slow)

    slow().finish.set()
    await slow.connect()
    await user.connect()
    assert [mock for mock, _, _ in slow().attempts] == [False, False]


def test_another_event_loop_connects_anew() -> None:
    (factory,) = Beam(1).factories
    factory().finish.set()
    asyncio.run(factory_connect(factory))
    assert factory.state.stage is Stage.BUILT
    asyncio.run(factory_connect(factory))
    assert [force for _, _, force in factory().attempts] == [False, True]


async def factory_connect(factory: DeviceFactory[Slow]) -> None:
    await factory.connect()
    assert factory.state.stage is Stage.CONNECTED


def test_an_attempt_that_its_event_loop_left_behind_is_made_anew() -> None:
    (factory,) = Beam(1).factories

    async def give_up() -> None:
        asyncio.create_task(factory.connect())  # noqa: RUF006
        await factory().began.wait()

    asyncio.run(give_up())
    assert factory.state.stage is Stage.BUILT
    factory().finish = asyncio.Event()
    factory().finish.set()
    asyncio.run(factory_connect(factory))


async def test_a_device_without_a_factory_is_not_kept_alive() -> None:
    device = Slow("mine")
    device.finish.set()
    held = weakref.ref(device)
    assert await connection_of(device).join() is None
    assert connection_of(device) is connection_of(device)
    await turn()
    del device
    gc.collect()
    assert held() is None


async def test_a_beamline_is_not_kept_alive() -> None:
    held = await _leave_a_beamline()
    await turn()
    gc.collect()
    assert [each() for each in held] == [None, None]


async def _leave_a_beamline() -> tuple[weakref.ref[Beamline], weakref.ref[Slow]]:
    beam = Beam(1)
    beam.factories[0]().finish.set()
    await beam.factories[0].connect()
    return weakref.ref(beam.devices), weakref.ref(beam.factories[0]())


async def test_a_factory_without_a_beamline_has_a_state_too() -> None:
    @device_factory()
    def alone() -> Slow:
        return Slow()

    assert str(alone.state) == "not built"
    alone().finish.set()
    assert str(alone.state) == "built"
    await alone.connect()
    assert str(alone.state) == "connected"


async def test_connections_are_named_after_their_device() -> None:
    assert connection_of(Slow("mine")).name == "mine"
    assert connection_of(Slow()).name == "Slow"
    assert isinstance(connection_of(Slow()), DeviceConnection)
