#!/usr/bin/env python3
"""truncations.py BAD_INPUT PROGRAM...: every truncation of programs of the corpus."""
import os
import subprocess
import sys

fetch = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "real", "fetch")
r = subprocess.run([fetch, *sys.argv[2:]], stdout=subprocess.PIPE, text=True)
if r.returncode != 0:
    sys.exit("the corpus cannot be fetched")
sys.exit(subprocess.run([sys.argv[1], *r.stdout.split()]).returncode)
