dbLoadRecords("pump.template", "P=DEMO:PUMP-01:")
iocInit()
dbLoadRecords("pump.template", "P=DEMO:PUMP-02:")
