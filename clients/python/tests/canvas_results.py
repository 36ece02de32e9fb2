"""A program that runs the canvases of test_canvas.py as Celery does, and prints their results as JSON."""

import json
from random import Random

from test_canvas import CANVASES, random_canvas

SEEDS = range(25)

if __name__ == "__main__":
    canvases = {**CANVASES, **{f"random {seed}": random_canvas(Random(seed), 3) for seed in SEEDS}}
    started = {name: canvas.apply_async() for name, canvas in canvases.items()}
    print(json.dumps({name: result.get(timeout=30, interval=0.02) for name, result in started.items()}))
