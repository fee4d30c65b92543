"""Run `pvxslibs.ioc` with access security: its file comes first, then the options of `pvxslibs.ioc`."""

import runpy
import sys

from epicscorelibs import ioc

if __name__ == "__main__":
    ioc.dbCore.asSetFilename(sys.argv.pop(1).encode())
    runpy.run_module("pvxslibs.ioc", run_name="__main__", alter_sys=True)
