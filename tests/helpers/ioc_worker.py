"""Loads databases into a real IOC's database core and answers what it holds; one JSON request and answer per line.

No record ever runs and no network is touched: only the loading half of an IOC is used. A request names files, their
macros, an include path, substitutions files (`templates`), and the fields whose values are wanted.
"""

import ctypes
import json
import os
import sys
import tempfile

from epicscorelibs import path as libraries
from epicscorelibs.ioc import DEFAULT_DBD_PATH, dbCore, iocshRegisterCommon, pdbbase, registerRecordDeviceDriver

Com = ctypes.CDLL(libraries.get_lib("Com"), mode=ctypes.RTLD_GLOBAL)

entry_calls = ["dbFirstRecordType", "dbNextRecordType", "dbFirstRecord", "dbNextRecord", "dbFirstInfo", "dbNextInfo"]
for call in [*entry_calls, "dbDeleteRecord", "dbIsAlias", "dbGetFieldDbfType", "dbFreeEntry", "dbIsVisibleRecord"]:
    getattr(dbCore, call).argtypes = [ctypes.c_void_p]
for call in ["dbGetRecordName", "dbGetRecordTypeName", "dbGetInfoName", "dbGetInfoString", "dbGetString"]:
    getattr(dbCore, call).argtypes = [ctypes.c_void_p]
    getattr(dbCore, call).restype = ctypes.c_char_p
for call in ["dbFindRecord", "dbFindField"]:
    getattr(dbCore, call).argtypes = [ctypes.c_void_p, ctypes.c_char_p]
dbCore.dbAllocEntry.argtypes = [ctypes.c_void_p]
dbCore.dbAllocEntry.restype = ctypes.c_void_p
dbCore.dbLoadTemplate.argtypes = [ctypes.c_char_p] * 3


def text(data):
    return (data or b"").decode("utf-8", "surrogateescape")


def each_record(entry):
    more_types = dbCore.dbFirstRecordType(entry) == 0
    while more_types:
        more = dbCore.dbFirstRecord(entry) == 0
        while more:
            yield
            more = dbCore.dbNextRecord(entry) == 0
        more_types = dbCore.dbNextRecordType(entry) == 0


def infos(entry):
    found = {}
    more = dbCore.dbFirstInfo(entry) == 0
    while more:
        found[text(dbCore.dbGetInfoName(entry))] = text(dbCore.dbGetInfoString(entry))
        more = dbCore.dbNextInfo(entry) == 0
    return found


def dump(entry, wanted):
    records, aliases = {}, []
    for _ in each_record(entry):
        name = text(dbCore.dbGetRecordName(entry))
        if dbCore.dbIsAlias(entry):
            aliases.append(name)
            continue
        records[name] = {"type": text(dbCore.dbGetRecordTypeName(entry)), "infos": infos(entry), "fields": {}}
    for name, fields in wanted.items():
        for field in fields:
            known = name in records and dbCore.dbFindRecord(entry, name.encode()) == 0
            if known and dbCore.dbFindField(entry, field.encode()) == 0:
                value = text(dbCore.dbGetString(entry))
                records[name]["fields"][field] = [dbCore.dbGetFieldDbfType(entry), value]
    return records, aliases


def delete_all(entry):
    while True:
        names = [text(dbCore.dbGetRecordName(entry)) for _ in each_record(entry)]
        if not names:
            return
        for name in names:
            if dbCore.dbFindRecord(entry, name.encode()) == 0:
                dbCore.dbDeleteRecord(entry)


def load(request, errors):
    os.environ["EPICS_DB_INCLUDE_PATH"] = request.get("search", ".")
    errors.truncate(0)
    status = [dbCore.dbLoadRecords(os.fsencode(path), request.get("macros", "").encode()) for path in request["paths"]]
    status += [dbCore.dbLoadTemplate(os.fsencode(path), b"", None) for path in request.get("templates", [])]
    Com.errlogFlush()
    if any(status):
        # A refused text may leave a flag set that makes the reader ignore the next record's body.
        dbCore.dbLoadRecords(os.fsencode(request["settle"]), b"")
    entry = dbCore.dbAllocEntry(pdbbase)
    records, aliases = dump(entry, request.get("fields", {}))
    records.pop("settle", None)
    delete_all(entry)
    dbCore.dbFreeEntry(entry)
    errors.seek(0)
    said = errors.read()
    errors.seek(0)
    return {"status": status, "records": records, "aliases": aliases, "said": said}


def main():
    with os.fdopen(os.dup(1), "w") as answers, tempfile.TemporaryFile("w+", errors="replace") as errors:
        answer(answers, errors)


def answer(answers, errors):
    os.dup2(errors.fileno(), 1)
    os.dup2(errors.fileno(), 2)
    iocshRegisterCommon()
    dbCore.dbLoadDatabase(b"base.dbd", DEFAULT_DBD_PATH.encode(), None)
    registerRecordDeviceDriver(pdbbase)
    for dbd in sys.argv[1:]:
        dbCore.dbLoadDatabase(os.fsencode(dbd), DEFAULT_DBD_PATH.encode(), None)
    for line in sys.stdin:
        print(json.dumps(load(json.loads(line), errors)), file=answers, flush=True)


if __name__ == "__main__":
    main()
