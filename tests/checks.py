"""What scripts of checks share: the count of what passed and failed, commands with a time limit, and an end that a suite
without cases cannot pass."""
import subprocess
import sys

passed = failed = 0


def check(name, ok, text=""):
    """Counts; says what failed, and the end of what belongs to it."""
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAIL {name}\n{str(text).strip()[-3000:]}", flush=True)
    return ok


def same(name, got, want):
    return check(name, got == want, f"got  {got!r}\nwant {want!r}")


def run(args, **kw):
    """Exit code, output, errors of a command; `input` or `stdin` as subprocess has them, no input otherwise."""
    if "input" not in kw:
        kw.setdefault("stdin", subprocess.DEVNULL)
    p = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=900, **kw)
    return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")


def run_joined(args, **kw):
    """Exit code and what it printed, output and errors in their order."""
    p = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900, **kw)
    return p.returncode, p.stdout.decode(errors="replace")


def finish(suite, least, more=""):
    """The summary; ends the script, with success only when nothing failed and `least` checks were made."""
    print(f"{suite}: {passed} passed, {failed} failed{more}")
    if passed + failed < least:
        print(f"{suite}: at least {least} checks were expected")
    sys.exit(failed > 0 or passed < least)
