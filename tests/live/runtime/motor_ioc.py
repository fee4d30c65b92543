"""Serves motor records over CA, moving fast enough for a test, and says when it does; nobody may move one of them."""

from caproto import AccessRights, config_caproto_logging
from caproto.ioc_examples.fake_motor_record import FakeMotor
from caproto.server import run

if __name__ == "__main__":
    config_caproto_logging(color=False, level="INFO")
    pvdb = {}
    for name in ("MOTOR", "LOCKED"):
        pvdb |= FakeMotor(
            prefix=name, velocity=100.0, acceleration=0.01, user_limits=(-10.0, 10.0), tick_rate_hz=100.0
        ).pvdb
    pvdb["LOCKED"].check_access = lambda host, user: AccessRights.READ
    run(pvdb, interfaces=["127.0.0.1"])
