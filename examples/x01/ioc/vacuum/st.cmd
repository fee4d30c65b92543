#!../../bin/linux-x86_64/vacuumIoc
# BL01X-VA-IOC-01: vacuum, shutters, the sample's temperature, and what the machine says.

epicsEnvSet("EPICS_DB_INCLUDE_PATH", ".")
epicsEnvSet("STREAM_PROTOCOL_PATH", "./protocol")

dbLoadDatabase("dbd/vacuumIoc.dbd")
vacuumIoc_registerRecordDeviceDriver(pdbbase)

drvAsynIPPortConfigure("VGC1", "192.168.1.10:4001")
drvAsynIPPortConfigure("PLC1", "192.168.1.20:9600")
drvAsynIPPortConfigure("TC1",  "192.168.1.30:7777")

dbLoadTemplate("vacuum.substitutions")
dbLoadRecords("machine.db")

iocInit()
