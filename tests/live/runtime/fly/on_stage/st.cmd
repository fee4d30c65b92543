#!../../bin/linux-x86_64/cameraIoc
# BL01X-EA-IOC-03: a second camera, to which a PandA says how fast it goes.

epicsEnvSet("EPICS_DB_INCLUDE_PATH", "../../../../../examples/x01/ioc/camera")

dbLoadDatabase("dbd/cameraIoc.dbd")
cameraIoc_registerRecordDeviceDriver(pdbbase)

simDetectorConfig("SIM2", 1024, 1024, 1, 0, 0)
dbLoadRecords("simDetector.template", "P=BL01X-EA-CAM-02:,R=CAM:,PORT=SIM2,ADDR=0,TIMEOUT=1")
NDFileHDF5Configure("HDF2", 20, 0, "SIM2", 0)
dbLoadRecords("NDFileHDF5.template", "P=BL01X-EA-CAM-02:,R=HDF5:,PORT=HDF2,ADDR=0,TIMEOUT=1,XMLSIZE=2048,NDARRAY_PORT=SIM2")

iocInit()
