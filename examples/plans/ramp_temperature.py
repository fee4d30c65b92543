"""Bring the sample to a temperature."""

from __future__ import annotations

from functools import partial

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd_async.core import wait_for_value

from beamwright_generated.devices.temperature import Temperature, TemperatureHeaterRange, TemperatureRampEnabled


def ramp_temperature(
    controller: Temperature,
    kelvin: float,
    rate: float = 5.0,
    within: float = 0.1,
    timeout: float = 3600.0,
) -> MsgGenerator[None]:
    """Ramp to a temperature and wait until the sample is there; the way there is recorded as the stream `temperature`.

    :param rate: of the ramp, in K/min.
    :param within: how close is close enough, in K.
    :param timeout: seconds after which the plan fails.
    """
    heater_range: TemperatureHeaterRange = yield from bps.rd(controller.heater_range)
    if heater_range is TemperatureHeaterRange.OFF:
        raise RuntimeError(f"the heater of {controller.name} is off")

    def is_there(temperature: float) -> bool:
        return abs(temperature - kelvin) <= within

    yield from bps.open_run({"plan_name": "ramp_temperature", "kelvin": kelvin})
    yield from bps.monitor(controller.sample_temperature, name="temperature")
    yield from bps.mv(controller.ramp_rate, rate, controller.ramp_enabled, TemperatureRampEnabled.RAMP)
    yield from bps.mv(controller.setpoint, kelvin)
    yield from bps.wait_for([partial(wait_for_value, controller.sample_temperature, is_there, timeout)])
    yield from bps.unmonitor(controller.sample_temperature)
    yield from bps.trigger_and_read([controller])
    yield from bps.close_run()
