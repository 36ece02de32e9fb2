#!/bin/sh
# What CI runs, with Python 3, Node 20, make and `bureaucrat` on the PATH: a pinned Go, the pinned
# packages, build, tests.
set -eu
python3 -m venv .venv
. .venv/bin/activate
pip install -r requirements.txt
npm install
make
make test
