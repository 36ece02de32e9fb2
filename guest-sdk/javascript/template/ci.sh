#!/bin/sh
# What CI runs, with Node 20 and `bureaucrat` on the PATH: the pinned packages, build, tests.
set -eu
npm install
npm run build
npm test
