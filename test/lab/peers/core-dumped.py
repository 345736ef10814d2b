# Runs a program that may leave a core of any size in a folder, and says whether it has.  core-dumped.py FOLDER ARGV...
import ctypes
import os
import resource
import signal
import sys

resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
os.chdir(sys.argv[1])
child = os.fork()
if child == 0:
    # PR_SET_PDEATHSIG: it ends with this process.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    os.execvp(sys.argv[2], sys.argv[2:])
print("pid %d" % child, flush=True)
status = os.waitpid(child, 0)[1]
print("signal %d, %s" % (os.WTERMSIG(status), "core" if os.WCOREDUMP(status) else "no core"))
