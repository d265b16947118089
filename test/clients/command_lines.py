"""Runs command lines of clients written in Python without waiting each time for their modules to load.

Each line of standard input is a JSON object: `program` (openstack or glance), `args`, `env`, and `stdin`, a file to read from or null for
a terminal at which nobody types. It runs in a child forked from this process, where the modules are loaded and nothing has happened: its
entry point, arguments, environment, output and exit code are those of the program. Answers are lines with `code`, `stdout`, `stderr`.
"""
import contextlib
import gc
import importlib.metadata
import json
import os
import pty
import signal
import sys
import tempfile
import traceback

ENTRY_POINTS = {"openstack": "openstackclient.shell", "glance": "glanceclient.shell"}
# What the entry points load only when a command asks for it.
LOADED_BEFORE = (
    "glanceclient.v2.shell",
    "glanceclient.v2.client",
    "keystoneauth1.identity",
    "keystoneauth1.loading",
    "openstack.connection",
    "openstack.image.v2._proxy",
    "openstackclient.identity.client",
    "openstackclient.image.client",
    "openstackclient.image.v2.image",
)
DEADLINE_S = 60


def serve(requests, answers):
    for line in requests:
        json.dump(run(json.loads(line)), answers)
        answers.write("\n")
        answers.flush()


def run(request):
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        master, terminal = pty.openpty()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            signal.alarm(DEADLINE_S)
            stdin = terminal if request["stdin"] is None else os.open(request["stdin"], os.O_RDONLY)
            for source, target in ((stdin, 0), (stdout.fileno(), 1), (stderr.fileno(), 2)):
                os.dup2(source, target)
            os._exit(run_program(request))
        _, status = os.waitpid(pid, 0)
        os.close(master)
        os.close(terminal)
        return {"code": os.waitstatus_to_exitcode(status), "stdout": read(stdout), "stderr": read(stderr)}


def run_program(request):
    """In the child: what the program's script does, and what the interpreter does when it ends."""
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = [request["program"], *request["args"]]
    try:
        code = importlib.import_module(ENTRY_POINTS[request["program"]]).main()
    except SystemExit as ending:
        code = ending.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return 0 if code is None else int(code)


def read(file):
    file.seek(0)
    return file.read().decode(errors="replace")


def load():
    """Whatever a command would load: the programs look through the commands of every installed extension for theirs."""
    sys.argv = ["openstack"]
    for module in (*ENTRY_POINTS.values(), *LOADED_BEFORE):
        importlib.import_module(module)
    found = importlib.metadata.entry_points()
    for group in found.groups:
        for entry_point in found.select(group=group) if group.startswith(("cliff.", "openstack.")) else ():
            with contextlib.suppress(Exception):
                entry_point.load()
    command = importlib.import_module("openstackclient.image.v2.image").ShowImage
    command(None, None).get_parser("openstack image show")
    # What is loaded stays shared with the children.
    gc.freeze()


def main():
    load()
    # The children's standard streams are their own: requests and answers go past them.
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    answers.write("ready\n")
    answers.flush()
    serve(requests, answers)


main()
