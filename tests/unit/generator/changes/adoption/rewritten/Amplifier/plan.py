"""Uses devices that somebody wrote."""

from bl01x import pumps
from bl01x.pumps import VacuumPump
from beamwright_generated.devices.detector import Detector
from bl01x.states import RunState


def make() -> tuple[VacuumPump, Detector]:
    return VacuumPump("B01-VA-PUMP-01:"), Detector("B01-EA-")


async def use(pump: VacuumPump, amplifier: Detector) -> None:
    await pump.velocity.set(2.0)
    if await pump.status.get_value() is not RunState.GO:
        await pump.spin_up()
    print(pump.inlet, pump.oil, RunState.BROKEN, isinstance(pump, pumps.VacuumPump))
    print(amplifier.amplification, amplifier.plate[1].beam_current, amplifier.plate[2].offset)
