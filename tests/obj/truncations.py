#!/usr/bin/env python3
"""truncations.py BAD_INPUT [PROGRAM...]: cuts of programs of the corpus (all of them)."""
import os
import subprocess
import sys

fetch = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "real", "fetch")
r = subprocess.run([fetch, *sys.argv[2:]], stdout=subprocess.PIPE, text=True)
if r.returncode != 0:
    sys.exit("the corpus cannot be fetched")
sys.exit(subprocess.run([sys.argv[1], *[p for p in r.stdout.split() if p.endswith(".wasm")]]).returncode)
