dbLoadRecords("pump.template", "P=DEMO:PUMP-01:")
cd "$(TOP)"
