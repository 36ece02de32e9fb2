"""A program that runs canvases as Celery does, and prints what became of each as JSON.

    canvas_results.py rpc|sqlite [NAME...]

`rpc` runs those that need no chord, `sqlite` the others. Those that are named may be stuck: they get no more time
than the others need.
"""

import json
import sys

from canvases import has_chord, launches
from celery.exceptions import TimeoutError

SECONDS = 60


def outcome(result, seconds):
    """What Celery returned or raised."""
    try:
        return {"value": result.get(timeout=seconds, interval=0.1)}
    except TimeoutError:
        return {"stuck": True}
    except Exception as problem:
        return {"raised": f"{type(problem).__name__}: {problem}"}


def started(canvas, args, kwargs):
    try:
        return canvas.apply_async(args, kwargs)
    except Exception as problem:
        return {"raised": f"{type(problem).__name__}: {problem}"}


if __name__ == "__main__":
    backend, *doubtful = sys.argv[1:]
    chosen = {name: launch for name, launch in launches().items() if has_chord(launch[0]) == (backend == "sqlite")}
    results = {name: started(*launch) for name, launch in chosen.items()}
    names = [name for name in results if name not in doubtful] + [name for name in doubtful if name in results]
    seconds = {name: 1 if name in doubtful else SECONDS for name in names}
    print(
        json.dumps(
            {
                name: results[name] if isinstance(results[name], dict) else outcome(results[name], seconds[name])
                for name in names
            }
        )
    )
