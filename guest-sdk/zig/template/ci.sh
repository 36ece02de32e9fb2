#!/bin/sh
# What CI runs, with Python 3, make and `bureaucrat` on the PATH: Zig, build, tests.
set -eu
python3 -m venv .venv
. .venv/bin/activate
pip install -r requirements.txt
make
make test
