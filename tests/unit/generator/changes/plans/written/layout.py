# -*- coding: latin-1 -*-
"""Drehzahl in µm: line ends, encoding and comments stay."""
from beamwright_generated.devices.pump import (
    Pump,  # the pump
    PumpState,
)

def plan( pump : Pump ) :   # odd layout
	x = [ pump . speed ,
	      PumpState.RUNNING ] ; return x
