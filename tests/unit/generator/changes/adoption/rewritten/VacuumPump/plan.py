"""Uses devices that somebody wrote."""

from bl01x import pumps
from bl01x.pumps import Amplifier
from beamwright_generated.devices.pump import RotaryPump
from beamwright_generated.devices.pump import RotaryPumpState


def make() -> tuple[RotaryPump, Amplifier]:
    return RotaryPump("B01-VA-PUMP-01:"), Amplifier("B01-EA-")


async def use(pump: RotaryPump, amplifier: Amplifier) -> None:
    await pump.rotation.set(2.0)
    if await pump.state.get_value() is not RotaryPumpState.RUNNING:
        await pump.spin_up()
    print(pump.pressure, pump.oil, RotaryPumpState.BROKEN, isinstance(pump, RotaryPump))
    print(amplifier.factor, amplifier.plates[1].amps, amplifier.plates[2].zero)
