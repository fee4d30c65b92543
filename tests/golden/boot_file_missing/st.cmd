< envPaths
< extra.cmd
dbLoadRecords("pump.template", "P=DEMO:PUMP-01:")
