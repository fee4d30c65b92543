dbLoadRecords("pump.template, P=DEMO:PUMP-01:
dbLoadRecords
dbLoadRecords pump.template P=DEMO:PUMP-02:
