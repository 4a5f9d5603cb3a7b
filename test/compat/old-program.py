"""
An old program, run as often as it is asked for: `old-program.py SCRIPT`, where SCRIPT is what pip installed to start it.

Loading its modules takes longer than most of what it is asked to do, so that they are loaded once, and each call is a fork with words,
environment, directory and streams of its own. A line on descriptor 3 is a call in JSON, a line on descriptor 4 how it ended.
"""

import atexit
import importlib
import json
import os
import re
import sys
import traceback

script = sys.argv[1]
with open(script, encoding="utf-8") as text:
    module, function = re.search(r"^from (\S+) import (\S+)$", text.read(), re.M).groups()
main = getattr(importlib.import_module(module), function)


def stream(number, path, flags):
    opened = os.open(path, flags, 0o600)
    os.dup2(opened, number)
    os.close(opened)


def code_of(main):
    """As Python itself ends a script."""
    try:
        sys.exit(main())
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    return 1


def run(call):
    os.close(3)
    os.close(4)
    stream(0, call["stdin"], os.O_RDONLY)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream(number, call[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(call["env"])
    sys.argv = [script, *call["words"]]
    code = code_of(main)
    atexit._run_exitfuncs()
    for each in (sys.stdout, sys.stderr):
        if not each.closed:
            each.flush()
    os._exit(code)


calls = os.fdopen(3, "r", encoding="utf-8", closefd=False)
ends = os.fdopen(4, "w", encoding="utf-8", closefd=False)
for line in calls:
    child = os.fork()
    if child == 0:
        try:
            run(json.loads(line))
        finally:
            os._exit(70)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code if code >= 0 else 128 - code, file=ends, flush=True)
