"""Serves one motor record over CA, moving fast enough for a test, and says when it does."""

from caproto import config_caproto_logging
from caproto.ioc_examples.fake_motor_record import FakeMotor
from caproto.server import run

if __name__ == "__main__":
    config_caproto_logging(color=False, level="INFO")
    motor = FakeMotor(prefix="MOTOR", velocity=100.0, acceleration=0.01, user_limits=(-10.0, 10.0), tick_rate_hz=100.0)
    run(motor.pvdb, interfaces=["127.0.0.1"])
