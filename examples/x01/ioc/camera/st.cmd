#!../../bin/linux-x86_64/cameraIoc
# BL01X-EA-IOC-01: the sample camera with its file writer and plugins.

epicsEnvSet("PREFIX", "BL01X-EA-CAM-01:")
epicsEnvSet("PORT",   "SIM1")
epicsEnvSet("QSIZE",  "20")
epicsEnvSet("XSIZE",  "1024")
epicsEnvSet("YSIZE",  "1024")
epicsEnvSet("EPICS_DB_INCLUDE_PATH", ".")

dbLoadDatabase("dbd/cameraIoc.dbd")
cameraIoc_registerRecordDeviceDriver(pdbbase)

# simDetectorConfig(port, width, height, pixel type, buffers, memory)
simDetectorConfig("$(PORT)", $(XSIZE), $(YSIZE), 1, 0, 0)
dbLoadRecords("simDetector.template", "P=$(PREFIX),R=CAM:,PORT=$(PORT),ADDR=0,TIMEOUT=1")

# NDxxxConfigure(port, queue, blocking, array port, array address, buffers, memory)
NDFileHDF5Configure("HDF1", $(QSIZE), 0, "$(PORT)", 0)
dbLoadRecords("NDFileHDF5.template", "P=$(PREFIX),R=HDF5:,PORT=HDF1,ADDR=0,TIMEOUT=1,XMLSIZE=2048,NDARRAY_PORT=$(PORT)")

NDStatsConfigure("STAT1", $(QSIZE), 0, "$(PORT)", 0, 0, 0)
dbLoadRecords("NDStats.template", "P=$(PREFIX),R=STAT:,PORT=STAT1,ADDR=0,TIMEOUT=1,XSIZE=$(XSIZE),YSIZE=$(YSIZE),HIST_SIZE=256,NDARRAY_PORT=$(PORT),ENABLED=1")

NDROIConfigure("ROI1", $(QSIZE), 0, "$(PORT)", 0, 0, 0)
dbLoadRecords("NDROI.template", "P=$(PREFIX),R=ROI:,PORT=ROI1,ADDR=0,TIMEOUT=1,NAME=sample,NDARRAY_PORT=$(PORT)")

iocInit()
