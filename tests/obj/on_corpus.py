#!/usr/bin/env python3
"""Run a command with the modules of the corpus behind it, or of some programs.   on_corpus.py COMMAND... -- [PROGRAM...]"""
import os
import subprocess
import sys

split = sys.argv.index("--")
fetch = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "real", "fetch")
p = subprocess.run([fetch, *sys.argv[split + 1:]], stdout=subprocess.PIPE, text=True)
files = [f for f in p.stdout.split() if f.endswith(".wasm")]
if p.returncode != 0 or len(files) < max(15, len(sys.argv) - split - 1):
    sys.exit(f"the corpus cannot be had: {p.stdout}")
sys.exit(subprocess.run(sys.argv[1:split] + files).returncode)
