#!../../bin/linux-x86_64/motionIoc
# BL01X-MO-IOC-01: the sample stage, the slits and the monochromator.

epicsEnvSet("EPICS_DB_INCLUDE_PATH", ".")

dbLoadDatabase("dbd/motionIoc.dbd")
motionIoc_registerRecordDeviceDriver(pdbbase)

# motorSimCreateController(port, axes); motorSimConfigAxis(port, axis, high limit, low limit, home, start)
motorSimCreateController("MC1", 9)
dbLoadTemplate("motors.substitutions")

iocInit()
