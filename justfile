# A convenience: each recipe is a script of the same name. `just` itself is to be had as rust-just from PyPI.

# what there is
default:
    @just --list

# installs what is missing, quick when nothing is
setup:
    scripts/setup

# one process from launch to completion, over RabbitMQ, with taskqueue and with Celery workers
demo:
    scripts/demo

# a shell with a throwaway RabbitMQ, the engine and a worker
playground:
    scripts/playground

# formatting, lints, documentation, tests: what CI runs
test *stages:
    scripts/test {{ stages }}

# speed, CPU, growth, floods; `just bench --help` lists the parts
bench *arguments:
    scripts/bench {{ arguments }}

# kills, broker faults, disk faults and clock jumps, for longer than the tests
faults *arguments:
    scripts/faults {{ arguments }}

# a fixed load under faults: do memory, handles, disk and queues stay flat
soak *arguments:
    scripts/soak {{ arguments }}

# changed seeds to every place that takes bytes from outside, for longer than the tests
fuzz *arguments:
    scripts/fuzz {{ arguments }}

# a benign load beside each attack of the catalogue: throughput and latency without and with it
attacks *arguments:
    scripts/attacks {{ arguments }}
