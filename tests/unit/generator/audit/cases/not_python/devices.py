class Gauge(EpicsDevice)
    pressure = 1
