"""Instructions that a command executes, counted by valgrind: the same at every load, so a test may judge by them."""
import re
import subprocess


class Failed(Exception):
    """What the command said."""


def count(command):
    run = subprocess.run(["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"] + command,
                         stdin=subprocess.DEVNULL, capture_output=True, text=True)
    refs = re.search(r"I\s+refs:\s+([\d,]+)", run.stderr)
    if run.returncode != 0 or not refs:
        raise Failed(run.stderr.strip())
    return int(refs[1].replace(",", ""))
