"""Uses devices that somebody wrote."""

from bl01x import pumps
from bl01x.pumps import Amplifier, VacuumPump
from bl01x.states import RunState


def make() -> tuple[VacuumPump, Amplifier]:
    return VacuumPump("B01-VA-PUMP-01:"), Amplifier("B01-EA-")


async def use(pump: VacuumPump, amplifier: Amplifier) -> None:
    await pump.velocity.set(2.0)
    if await pump.status.get_value() is not RunState.GO:
        await pump.spin_up()
    print(pump.inlet, pump.oil, RunState.BROKEN, isinstance(pump, pumps.VacuumPump))
    print(amplifier.factor, amplifier.plates[1].amps, amplifier.plates[2].zero)
