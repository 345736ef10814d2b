# Stops one thread of a process as a debugger does, until standard input ends.  stop-thread.py PID NAME
import ctypes
import os
import sys

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
libc = ctypes.CDLL(None, use_errno=True)


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) < 0:
        sys.exit("ptrace: " + os.strerror(ctypes.get_errno()))


tasks = "/proc/%s/task" % sys.argv[1]
named = [task for task in os.listdir(tasks) if open("%s/%s/comm" % (tasks, task)).read().strip() == sys.argv[2]]
if len(named) != 1:
    sys.exit("%d threads are called %s" % (len(named), sys.argv[2]))
thread = int(named[0])
ptrace(PTRACE_SEIZE, thread)
ptrace(PTRACE_INTERRUPT, thread)
os.waitpid(thread, 0x40000000)
print("stopped", flush=True)
sys.stdin.read()
ptrace(PTRACE_DETACH, thread)
