#!/bin/sh
# What CI runs, with `bureaucrat` on the PATH: build, tests.
set -eu
make
make test
