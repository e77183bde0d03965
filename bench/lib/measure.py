"""Running one process on the bench core, and what is kept of several rounds.

The figure of a round is CPU time where the engine can tell it: on a shared machine wall time counts the neighbours too.
Even CPU time suffers from shared caches, so that beside the median the minimum is kept.
"""
import csv, os, statistics, subprocess, sys, tempfile, time

CORE = max(os.sched_getaffinity(0))
AHEAD = ["chrt", "-f", "1"] if os.environ.get("BENCH_AHEAD") else []  # before all neighbours on the machine; needs the right to


class Result:
    """wall and cpu are seconds of the whole process, peak is KB."""
    def __init__(self, wall, cpu, peak, out, err, code):
        self.wall, self.cpu, self.peak, self.out, self.err, self.code = wall, cpu, peak, out, err, code


def pinned(args, stdin=None, env=None, timeout=120, core=True):
    """Run on the bench core.  Output goes to files, so that no reader runs beside the program."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(stdin or os.devnull, "rb") as inp:
        t = time.monotonic()
        p = subprocess.Popen(AHEAD + (["taskset", "-c", str(CORE)] if core else []) + list(args), stdin=inp, stdout=out, stderr=err,
                             env=dict(os.environ, **env) if env else None)
        while True:
            pid, status, use = os.wait4(p.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - t > timeout:
                p.kill()
                _, status, use = os.wait4(p.pid, 0)
                break
            time.sleep(.0005 if time.monotonic() - t < .05 else .01)
        wall = time.monotonic() - t
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Result(wall, use.ru_utime + use.ru_stime, use.ru_maxrss, out.read(), err.read().decode(errors="replace"), p.returncode)


def spread(xs):
    """(max - min) / median, over the middle of the rounds when there are five or more."""
    xs = sorted(xs)
    if len(xs) >= 5:
        xs = xs[1:-1]
    return (xs[-1] - xs[0]) / statistics.median(xs) if xs and statistics.median(xs) else 0


def marked(xs):
    return "~" if spread(xs) > .05 else ""


def geomean(xs):
    xs = [x for x in xs if x]
    return statistics.geometric_mean(xs) if xs else None


def number(x, digits=2):
    return "-" if x is None else f"{x:.{digits}f}"


def table(title, columns, rows, note=""):
    """Print to stdout what a person reads; what a program reads goes to the CSV."""
    print(f"\n## {title}\n")
    if note:
        print(note + "\n")
    widths = [max(len(str(r[i])) for r in [columns] + rows) for i in range(len(columns))]
    for r in [columns] + rows:
        print("  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(r, widths))).rstrip())
    sys.stdout.flush()


class Results:
    """results/COMMIT.csv: table,name,contestant,unit,median,minimum,spread,rounds."""
    def __init__(self, path, about):
        self.path, self.file = path, open(path, "w", newline="")
        self.file.write(f"# {about}\n")
        self.writer = csv.writer(self.file)
        self.writer.writerow(["table", "name", "contestant", "unit", "median", "minimum", "spread", "rounds"])

    def add(self, table_name, name, contestant, unit, xs):
        xs = [x for x in xs if x is not None]
        if xs:
            figure = lambda x: f"{x:.6g}" if x < 1e5 else f"{x:.0f}"
            self.writer.writerow([table_name, name, contestant, unit, figure(statistics.median(xs)), figure(min(xs)), f"{spread(xs):.3f}", len(xs)])
            self.file.flush()
