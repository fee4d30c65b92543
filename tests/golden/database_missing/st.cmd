dbLoadRecords("db/pump.db", "P=DEMO:")
