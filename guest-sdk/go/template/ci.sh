#!/bin/sh
# What CI runs, with Go 1.24 or later, Node 20 and `bureaucrat` on the PATH: the pinned packages,
# build, tests.
set -eu
npm install
make
make test
