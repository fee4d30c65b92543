# The port of a driver and the NDARRAY_PORT of plugins say what listens to what.
dbLoadRecords("simDetector.template", "P=DEMO-EA-CAM-01:,R=CAM:,PORT=CAM")
dbLoadRecords("NDROI.template", "P=DEMO-EA-CAM-01:,R=ROI:,PORT=ROI,NDARRAY_PORT=CAM")
dbLoadRecords("NDStats.template", "P=DEMO-EA-CAM-01:,R=STAT:,PORT=STAT,NDARRAY_PORT=ROI")
dbLoadRecords("NDFileHDF5.template", "P=DEMO-EA-CAM-01:,R=HDF5:,PORT=HDF5,NDARRAY_PORT=CAM")
dbLoadRecords("simDetector.template", "P=DEMO-EA-CAM-02:,R=CAM:,PORT=CAM2")
dbLoadRecords("NDStats.template", "P=DEMO-EA-CAM-02:,R=STAT:,PORT=STAT2,NDARRAY_PORT=CAM2")
dbLoadRecords("NDStats.template", "P=DEMO-EA-LOST-01:,R=STAT:,PORT=LOST,NDARRAY_PORT=NOWHERE")
dbLoadRecords("simDetector.template", "P=DEMO-EA-CAM-03:,R=CAM:,PORT=CAM3")
