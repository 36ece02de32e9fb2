"""Canvases and definitions on an unmodified Celery app, while the engine and its worker are killed again and again.

Run A: the worker acknowledges late, and canvases are launched by `durable`. Run B: the worker has Celery's
defaults, and deployed definitions with timeouts and retries are launched by name. Each process must end once, with
exactly the right result; what tasks did more than once is counted. `scripts/celery-faults` runs it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random

from prefork import Prefork
from warehouse_orders import KINDS

from bureaucrat import BureaucratError, Client, Closed, Notice, TimedOut
from bureaucrat.celery import durable
from bureaucrat.testing import Engine

# Launches of each kind at the same time.
AT_ONCE = {"chain": 2, "chord": 2, "group": 1, "replace": 2}
CHILDREN = 3
REPLY_SECONDS = 3.0
# No effect and no end for that long means that the run is stuck.
PATIENCE = 60.0
# About so many bytes of effects are written between two kills.
BYTES_TO_ENGINE_KILL = (2_000, 30_000)
BYTES_TO_WORKER_KILL = (4_000, 50_000)


class FaultRun:
    """One run. Its threads launch, kill, and listen; the first problem of any ends all."""

    def __init__(self, broker: str, run: str, seed: int, folder: Path) -> None:
        self.is_late = run == "A"
        self.seed = seed
        self.id = f"faults-{uuid.uuid4().hex[:8]}"
        self.queue = f"{self.id}-warehouse"
        self.engine = Engine(broker)
        self.worker = Prefork(broker, self.queue, folder, acks_late=self.is_late, children=CHILDREN)
        self.processes: dict[str, str] = {}
        """The processes by the orders that they were launched for."""
        self.repeated_launches = 0
        self.faults: Counter[str] = Counter()
        self._ends: dict[str, list[Notice]] = defaultdict(list)
        self._announced: set[str] = set()
        self._changed = threading.Condition()
        self._problem: BaseException | None = None
        self._is_over = False
        self._progress = (0, 0)
        self._progress_at = time.monotonic()

    def go(self, kills: int, worker_kills: int) -> None:
        """Launches until all kills are done, and waits until every process has ended."""
        os.environ.update(self.worker.variables)
        from warehouse.celery import app

        app.conf.task_default_queue = self.queue
        self.engine.start()
        self.worker.start()
        try:
            with self._client() as client, client.notices() as notices:
                if not self.is_late:
                    for kind in KINDS:
                        client.deploy(KINDS[kind].definition(f"{self.id}-{kind}", self.queue))
                self._in_thread(lambda: self._listen(notices))
                launchers = [
                    self._in_thread(lambda kind=kind, number=number: self._launch_all(kind, number))
                    for kind, count in AT_ONCE.items()
                    for number in range(count)
                ]
                killers = [
                    self._in_thread(lambda: self._kill_engines(kills)),
                    self._in_thread(lambda: self._kill_workers(worker_kills)),
                ]
                self._join(killers)
                self._is_over = True
                self._join(launchers)
        finally:
            self._is_over = True
            self.worker.kill()

    def audit(self) -> None:
        """Everything that must hold at the end."""
        ids = set(self.processes.values())
        assert len(ids) == len(self.processes), "two launches have one process"
        assert self._announced == ids, "other processes began than were launched"
        assert set(self._ends) == ids, "other processes ended than were launched"
        for order, process in self.processes.items():
            ends = {(end.status, json.dumps(end.fields), str(end.fault)) for end in self._ends[process]}
            assert len(ends) == 1, f"{process} ended in several ways: {ends}"
            (end, *_) = self._ends[process]
            assert end.status == "completed", f"{order}: {end.fault}"
            kind, number = _kind_and_number(order)
            assert end.fields["result"] == KINDS[kind].result(number), f"{order}: {end.fields['result']!r:.300}"
        for state in ("running", "incident"):
            listed = self.engine.command("list", "--state", state, "--json")
            assert listed.returncode == 0 and not listed.stdout, f"{state}: {listed.stdout}{listed.stderr}"
        dead = self.engine.command("dead", "list", "--json")
        assert dead.returncode == 0 and not dead.stdout, f"dead letters: {dead.stdout}{dead.stderr}"
        self.engine.stop()
        checked = self.engine.command("fsck")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        self._audit_effects()

    def repeats(self) -> Counter[str]:
        """Why steps had an effect more than once."""
        seen: dict[tuple[str, str | int], list[tuple[str, int]]] = defaultdict(list)
        reasons: Counter[str] = Counter()
        for line in self.worker.effects():
            order, step, task, retries, redelivered = json.loads(line)
            before = seen[(order, step)]
            if any((task, retries) == other for other in before):
                reasons["delivered again" if redelivered else "sent again"] += 1
            elif any(retries != other[1] for other in before):
                reasons["retried by Celery"] += 1
            elif before:
                reasons["retried by the definition" if "~" in task else "replaced again"] += 1
            before.append((task, retries))
        return reasons

    def _audit_effects(self) -> None:
        steps: dict[str, set[str | int]] = defaultdict(set)
        for line in self.worker.effects():
            order, step, *_ = json.loads(line)
            steps[order].add(step)
        for order in self.processes:
            missing = KINDS[_kind_and_number(order)[0]].steps ^ steps[order]
            assert not missing, f"{order}: the effects {missing} are missing, or of no step"

    def _launch_all(self, kind: str, number: int) -> None:
        """Launches one after the other, each as soon as the one before has ended."""
        random = Random(f"{self.seed} {kind} {number}")
        while not self._is_over:
            order = f"{kind}-{random.randrange(1_000_000)}-{len(self.processes)}-{number}"
            process = self._launch(kind, order, random)
            with self._changed:
                self.processes[order] = process
            self._until(lambda process=process: process in self._ends)

    def _launch(self, kind: str, order: str, random: Random) -> str:
        """Launches once, however often that has to be repeated. The client loses its connection in some."""
        _, number = _kind_and_number(order)
        while True:
            with self._client() as client:
                closing = threading.Timer(random.uniform(0, 0.1), client.close)
                if random.random() < 0.2:
                    closing.start()
                try:
                    if self.is_late:
                        canvas = durable(KINDS[kind].canvas(number, order), name=f"{self.id}-{kind}", client=client)
                        return canvas.launch(message_id=order).id
                    fields = {"n": number, "order": order}
                    return client.launch(f"{self.id}-{kind}", fields, message_id=order).id
                except (TimedOut, Closed):
                    with self._changed:
                        self.repeated_launches += 1
                finally:
                    closing.cancel()
            self._check_progress()

    def _kill_engines(self, kills: int) -> None:
        random = Random(f"{self.seed} engine")
        for _ in range(kills):
            self._await_work(random, BYTES_TO_ENGINE_KILL)
            self.engine.kill()
            self.engine.start()
            self.faults["engine"] += 1

    def _kill_workers(self, kills: int) -> None:
        random = Random(f"{self.seed} worker")
        for number in range(kills):
            self._await_work(random, BYTES_TO_WORKER_KILL)
            if number % 2 == 0:
                self.worker.kill()
                self.worker.start()
                self.faults["worker"] += 1
            else:
                self.worker.kill_child(random)
                self.faults["child of the worker"] += 1

    def _await_work(self, random: Random, bounds: tuple[int, int]) -> None:
        """Until some more effects happened, so that there is work at each kill, and a random moment longer."""
        wanted = self.worker.effect_bytes() + random.randint(*bounds)
        self._until(lambda: self.worker.effect_bytes() >= wanted)
        time.sleep(random.uniform(0, 0.2))

    def _listen(self, notices) -> None:
        for notice in notices:
            with self._changed:
                if notice.status == "launched":
                    self._announced.add(notice.process)
                else:
                    self._ends[notice.process].append(notice)
                self._changed.notify_all()

    def _until(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            while not condition():
                self._check_progress()
                self._changed.wait(0.02)

    def _check_progress(self) -> None:
        if self._problem is not None:
            raise Stopped from self._problem
        progress = (self.worker.effect_bytes(), len(self._ends))
        if progress != self._progress:
            self._progress, self._progress_at = progress, time.monotonic()
        if time.monotonic() > self._progress_at + PATIENCE:
            listed = self.engine.command("list", "--state", "running").stdout
            raise AssertionError(
                f"nothing happened for {PATIENCE} s\n{listed}\n{self.engine.log_tail()}\n{self.worker.log()}"
            )

    def _client(self) -> Client:
        return Client(self.engine.url, names=self.engine.names, reply_timeout=REPLY_SECONDS)

    def _in_thread(self, work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except Stopped:
                pass
            except BaseException as problem:
                self._problem = self._problem or problem

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        return thread

    def _join(self, threads: list[threading.Thread]) -> None:
        for thread in threads:
            thread.join()
        if self._problem is not None:
            raise self._problem


class Stopped(Exception):
    """Another thread has a problem."""


def _kind_and_number(order: str) -> tuple[str, int]:
    kind, number, *_ = order.split("-")
    return kind, int(number)


def run(broker: str, name: str, kills: int, worker_kills: int, seed: int, folder: Path) -> str:
    """One run and its audit; what happened, in a line or two."""
    started = time.monotonic()
    faults = FaultRun(broker, name, seed, folder)
    try:
        faults.go(kills, worker_kills)
        faults.audit()
    except BaseException:
        print(f"the engine's log and storage: {faults.engine.folder}; the worker's log: {folder}", file=sys.stderr)
        faults.engine.stop()
        raise
    faults.engine.remove()
    kinds = Counter(_kind_and_number(order)[0] for order in faults.processes)
    effects = len(faults.worker.effects())
    repeats = faults.repeats()
    return (
        f"run {name}, seed {seed}: {len(faults.processes)} processes ({_listed(kinds)}) ended once each, with the "
        f"right results, in {time.monotonic() - started:.0f} s; killed: {_listed(faults.faults)}; "
        f"{faults.repeated_launches} launches repeated\n"
        f"  {effects} effects, of which {sum(repeats.values())} repeated one ({_listed(repeats) or 'none'})"
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def main() -> int:
    """Runs as many of both as asked for. Exits with 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--worker-kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", choices=["A", "B"], action="append")
    arguments = parser.parse_args()
    failed = False
    for name in arguments.run or ["A", "B"]:
        folder = Path(tempfile.mkdtemp(prefix="bureaucrat-celery-faults."))
        try:
            broker = os.environ["BUREAUCRAT_TEST_AMQP"]
            print(run(broker, name, arguments.kills, arguments.worker_kills, arguments.seed, folder), flush=True)
            shutil.rmtree(folder)
        except (AssertionError, BureaucratError):
            traceback.print_exc()
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
