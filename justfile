# Each recipe runs the script of the same name. To install `just`, run `pip install rust-just`.

# lists the recipes
default:
    @just --list

# installs what is missing; quick if nothing is
setup:
    scripts/setup

# runs one process from launch to completion, with taskqueue and with Celery workers
demo:
    scripts/demo

# a shell with a throwaway RabbitMQ, the engine and a worker
playground:
    scripts/playground

# formatting, lints, documentation, tests: what CI runs
test *stages:
    scripts/test {{ stages }}

# builds, installs, type-checks and tests the Python package
python *arguments:
    scripts/python {{ arguments }}

# walks through the dashboard in a headless Chromium
walk *arguments:
    scripts/walk {{ arguments }}

# measures speed, CPU, growth and floods; `just bench --help` lists the parts
bench *arguments:
    scripts/bench {{ arguments }}

# runs the fault tests (kills, broker, disk, clock) for longer
faults *arguments:
    scripts/faults {{ arguments }}

# kills the engine and a Celery worker while canvases run
celery-faults *arguments:
    scripts/celery-faults {{ arguments }}

# a fixed load under faults; checks that memory, file handles, disk and queues do not grow
soak *arguments:
    scripts/soak {{ arguments }}

# fuzzes all code that reads bytes from outside, for longer than the tests
fuzz *arguments:
    scripts/fuzz {{ arguments }}

# measures a benign load without and with each attack of the catalogue
attacks *arguments:
    scripts/attacks {{ arguments }}
