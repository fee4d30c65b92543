# -*- coding: latin-1 -*-
"""Drehzahl in µm: line ends, encoding and comments stay."""
from beamwright_generated.devices.pump import (
    RotaryPump,  # the pump
    RotaryPumpState,
)

def plan( pump : RotaryPump ) :   # odd layout
	x = [ pump . rotation ,
	      RotaryPumpState.RUNNING ] ; return x
