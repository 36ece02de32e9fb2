#!/bin/sh
# What CI runs, with Python 3.10 or later and `bureaucrat` on the PATH: the pinned toolchain, build,
# tests. vendor/ is part of the repository.
set -eu
python3 -m venv .venv
. .venv/bin/activate
pip install -r requirements.txt
make
make test
