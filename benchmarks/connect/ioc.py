"""A soft IOC that is set up for the number of its records: `ioc.py ENTRIES`, then as `pvxslibs.ioc`.

EPICS base looks record names up in a table of 512 lists unless an IOC's start-up script says `dbPvdTableSize`, in
powers of two up to 65,536 (`dbPvdLib.c`). With 73,000 records each list has 140 names, and going through them, twice
for each channel, takes several times as long as all else that the IOC does while a client connects.
"""

from __future__ import annotations

import runpy
import sys

from epicscorelibs import ioc

if __name__ == "__main__":
    if ioc.dbCore.dbPvdTableSize(int(sys.argv.pop(1))):
        sys.exit("dbPvdTableSize refused")
    runpy.run_module("pvxslibs.ioc", run_name="__main__")
