"""Steps a second of Celery's own chains and of durable ones, with the same tasks, on the same worker, in the same run.

A durable step takes two messages in place of one. What this costs alone is measured, too: Celery's own chains, each of
whose tasks goes through a relay that passes messages on, with confirms, and knows nothing of them. No engine that sends
each task itself can be faster.

The tasks do nothing, or only wait. Each slot launches a chain as soon as the last task of its chain before has told
that it runs, over a local socket; this is the same for all. A durable round also lasts until its last processes
have ended. Rounds take turns, so that other load on the machine meets all. Everything shares the machine's cores:
the worker with its two children, the engine or the relay, the broker, and this program. `scripts/bench celery` runs it.
"""

from __future__ import annotations

import argparse
import os
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prefork import Prefork, cpu_seconds

from bureaucrat import Client
from bureaucrat.celery import durable
from bureaucrat.testing import Engine

STEPS = 10
CHILDREN = 2
PATIENCE = 60.0
NAME = "bench-chain"
OWN, RELAYED, BY_NAME, BY_CANVAS = "Celery's chain", "the same, relayed", "deployed, by name", "durable().launch()"


@dataclass(frozen=True)
class Sample:
    """One round of one kind of launch."""

    steps: int
    seconds: float
    between_cpu: float
    worker_cpu: float
    own_cpu: float

    @property
    def rate(self) -> float:
        return self.steps / self.seconds


class Bench:
    def __init__(self, broker: str, folder: Path, *, acks_late: bool, work: float) -> None:
        self._work = work
        self._told: dict[int, queue.SimpleQueue[None]] = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "told"))
        os.environ["WAREHOUSE_TOLD"] = str(folder / "told")
        self._queue = f"bench-{uuid.uuid4().hex[:8]}"
        self._relayed = f"{self._queue}-relayed"
        self._engine = Engine(broker)
        self._worker = Prefork(broker, self._queue, folder, acks_late=acks_late, children=CHILDREN)
        os.environ.update(self._worker.variables)

    def start(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        self._engine.start()
        self._worker.start()
        self._client = Client(self._engine.url, names=self._engine.names)
        self._client.deploy(_definition(self._queue, self._work))
        self._relay = self._start_relay()

    def _start_relay(self) -> subprocess.Popen[bytes]:
        from warehouse.celery import app

        with app.connection_for_write() as connection:
            for name in (self._queue, self._relayed):
                app.amqp.queues[name](connection.default_channel).declare()
        # It ends with its standard input.
        command = [os.environ["BUREAUCRAT_BENCH"], "relay", "--from", self._relayed, "--to", self._queue]
        return subprocess.Popen(command, stdin=subprocess.PIPE)

    def stop(self) -> None:
        self._relay.kill()
        self._relay.wait()
        self._worker.kill()
        self._client.close()
        self._engine.remove()

    def sample(self, kind: str, slots: int, seconds: float) -> Sample:
        """Chains in all slots for some time, and the rest of those that began."""
        launch = {
            OWN: self._launch_own,
            RELAYED: self._launch_relayed,
            BY_NAME: self._launch_by_name,
            BY_CANVAS: self._launch_canvas,
        }[kind]
        counts = [0] * slots
        problems: list[BaseException] = []
        before, started = self._cpu(), time.monotonic()
        deadline = started + seconds

        def keep_busy(slot: int) -> None:
            try:
                while time.monotonic() < deadline:
                    ended = launch(slot)
                    self._told[slot].get(timeout=PATIENCE)
                    counts[slot] += 1
                ended()
            except BaseException as problem:
                problems.append(problem)

        self._told = {slot: queue.SimpleQueue() for slot in range(slots)}
        threads = [threading.Thread(target=keep_busy, args=(slot,)) for slot in range(slots)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if problems:
            raise problems[0]
        used = (after - then for after, then in zip(self._cpu(), before, strict=True))
        return Sample(STEPS * sum(counts), time.monotonic() - started, *used)

    def _launch_own(self, slot: int) -> Callable[[], object]:
        self._canvas(slot).apply_async(ignore_result=True)
        return lambda: None

    def _launch_relayed(self, slot: int) -> Callable[[], object]:
        self._canvas(slot, queue=self._relayed).apply_async(ignore_result=True)
        return lambda: None

    def _launch_by_name(self, slot: int) -> Callable[[], object]:
        process = self._client.launch(NAME, {"slot": slot})
        return lambda: process.result(PATIENCE)

    def _launch_canvas(self, slot: int) -> Callable[[], object]:
        launched = durable(self._canvas(slot), client=self._client).launch()
        return lambda: launched.get(PATIENCE)

    def _canvas(self, slot: int, **options: str):
        from celery import chain
        from warehouse.celery import app
        from warehouse.tasks import tell, wait

        app.conf.task_default_queue = self._queue
        steps = [wait.s(seconds=self._work) for _ in range(STEPS - 1)]
        return chain(*(step.set(**options) for step in (*steps, tell.s(slot, seconds=self._work))))

    def _listen(self) -> None:
        while True:
            slot = int(self._socket.recv(16))
            self._told[slot].put(None)

    def _cpu(self) -> tuple[float, float, float]:
        engine = int((self._engine.folder / "engine.pid").read_text())
        return cpu_seconds(engine) + cpu_seconds(self._relay.pid), self._worker.cpu_seconds(), time.process_time()


def _definition(worker_queue: str, work: float) -> str:
    """What `durable` makes of the chain; the slot is a field."""

    def call(task: str, *arguments: str) -> str:
        args = "".join(f"<arg>{argument}</arg>" for argument in arguments)
        return (
            f'<action participant="warehouse.tasks.{task}" via="celery" queue="{worker_queue}" into="result">'
            f'{args}<kwarg name="seconds">{work}</kwarg></action>'
        )

    following = call("wait", 'context["result"]') * (STEPS - 2)
    last = call("tell", 'context["result"]', 'context["slot"]')
    return f'<process name="{NAME}">{call("wait")}{following}{last}</process>'


def measure(bench: Bench, levels: list[int], rounds: int, seconds: float) -> None:
    """Prints a table of medians."""
    kinds = [OWN, RELAYED, BY_NAME, BY_CANVAS]
    for kind in kinds:
        bench.sample(kind, max(levels), 1.0)  # caches fill, connections open
    print("| in flight | chain | steps/s | of Celery's | of the relayed | CPU between | of the worker | of this program |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for level in levels:
        samples: dict[str, list[Sample]] = {kind: [] for kind in kinds}
        for number in range(rounds):
            turn = number % len(kinds)
            for kind in kinds[turn:] + kinds[:turn]:
                samples[kind].append(bench.sample(kind, level, seconds))
        for kind in kinds:
            cells = [
                f"{statistics.median(sample.rate for sample in samples[kind]):.0f}",
                *(_ratios(samples[kind], samples[other]) for other in (OWN, RELAYED)),
                *(_per_step(samples[kind], part) for part in ("between_cpu", "worker_cpu", "own_cpu")),
            ]
            print(f"| {level} | {kind} | {' | '.join(cells)} |", flush=True)


def _ratios(mine: list[Sample], others: list[Sample]) -> str:
    """Of each round: the median, the least and the greatest."""
    ratios = [one.rate / other.rate for one, other in zip(mine, others, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _per_step(samples: list[Sample], part: str) -> str:
    return f"{1e6 * statistics.median(getattr(sample, part) / sample.steps for sample in samples):.0f} µs"


def main() -> int:
    """Measures with Celery's defaults, and with late acknowledgements and confirms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 10, 50], help="chains in flight")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one round of one kind")
    parser.add_argument("--work", type=float, default=0.0, help="milliseconds that each task waits")
    parser.add_argument("--acks", choices=["early", "late"], action="append")
    arguments = parser.parse_args()
    for acks in arguments.acks or ["early", "late"]:
        settings = "Celery's defaults" if acks == "early" else "acks_late and confirm_publish"
        load = os.getloadavg()[0]
        tasks = f"tasks that wait {arguments.work:g} ms" if arguments.work else "tasks that do nothing"
        print(f"\n{settings}, {tasks}; {os.cpu_count()} cores for everything; load before: {load:.1f}\n", flush=True)
        if os.fork() == 0:  # The app reads its settings once.
            os._exit(_measured(acks == "late", arguments))
        if os.wait()[1] != 0:
            return 1
    return 0


def _measured(acks_late: bool, arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="bureaucrat-celery-bench.") as folder:
        bench = Bench(os.environ["BUREAUCRAT_TEST_AMQP"], Path(folder), acks_late=acks_late, work=arguments.work / 1000)
        bench.start()
        try:
            measure(bench, arguments.levels, arguments.rounds, arguments.seconds)
        finally:
            bench.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
