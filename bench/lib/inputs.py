"""Inputs that the programs of bench/programs.json work on, made once into .cache/bench: the same bytes on every machine."""
import math, os, random, struct

WIDTH, HEIGHT = 1024, 768
RATE, SECONDS = 44100, 12


def picture():
    """A PPM of waves, moiré and a little noise."""
    noise, rows = random.Random(1), bytearray()
    for y in range(HEIGHT):
        bend = math.sin(y / 23) * 2
        for x in range(WIDTH):
            v = int(127 + 80 * math.sin(x / 37 + bend) + 40 * ((x * y >> 9) & 1))
            rows += bytes((max(0, min(255, v)), (x ^ y) & 255, max(0, min(255, 255 - v + noise.getrandbits(4)))))
    return b"P6\n%d %d\n255\n" % (WIDTH, HEIGHT) + rows


def sound():
    """A stereo WAV of drifting tones and plucked ones."""
    noise, samples = random.Random(2), bytearray()
    for i in range(RATE * SECONDS):
        t = i / RATE
        left = 9000 * math.sin(2 * math.pi * 220 * t * (1 + 0.01 * math.sin(3 * t))) + noise.uniform(-500, 500)
        left += 5000 * math.sin(2 * math.pi * 1375 * t) * math.exp(-(t % 0.5) * 6)
        right = 7000 * math.sin(2 * math.pi * 330 * t) + 4000 * math.sin(2 * math.pi * 2750 * t * (1 + t / 50))
        samples += struct.pack("<hh", int(left), int(right))
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 2, RATE, RATE * 4, 4, 16, b"data", len(samples))
    return head + samples


def pigeons(holes):
    """One pigeon more than holes, as clauses: short to write, long to refute."""
    at = lambda pigeon, hole: pigeon * holes + hole + 1
    clauses = [[at(p, h) for h in range(holes)] for p in range(holes + 1)]
    clauses += [[-at(p, h), -at(q, h)] for h in range(holes) for p in range(holes + 1) for q in range(p)]
    lines = [" ".join(map(str, c + [0])) for c in clauses]
    return ("p cnf %d %d\n" % (holes * (holes + 1), len(clauses)) + "\n".join(lines) + "\n").encode()


def text(corpus, times):
    """The specification of Markdown in Markdown, over and over."""
    return open(os.path.join(corpus, "cmark-tests/spec.txt"), "rb").read() * times


def make_all(make, corpus):
    make("picture.ppm", picture)
    make("sound.wav", sound)
    make("pigeons.cnf", lambda: pigeons(8))
    if os.path.exists(os.path.join(corpus, "cmark-tests/spec.txt")):
        make("text.md", lambda: text(corpus, 30))
        make("short.md", lambda: text(corpus, 8))
