dbLoadRecords("pump.template", "P=$(PREFIX)PUMP-01:")
dbLoadRecords("pump.template", "P=DEMO:PUMP-02:")
