#!../../bin/linux-x86_64/demo
< paths
epicsEnvSet("PREFIX", "DEMO-VA-")
epicsEnvSet EPICS_DB_INCLUDE_PATH "$(SUPPORT)/db:."
dbLoadDatabase("../../dbd/demo.dbd")
dbLoadRecords("pump.template", "P=$(PREFIX)PUMP-01:")
iocshLoad("valve.iocsh", "N=1")
iocshLoad("valve.iocsh", "N=2")
dbLoadTemplate("gauges.substitutions", "D=DEMO")
iocInit
