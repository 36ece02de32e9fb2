"""Runs the examples of README.md, in its order, and compares what they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
ADDRESS = "amqp://guest:guest@localhost/"
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


@pytest.fixture
def start(bureaucrat_engine, tmp_path) -> Iterator[object]:
    """Starts a program that runs until the end of the test."""
    running: list[subprocess.Popen[bytes]] = []

    def start(command: list[str]) -> None:
        running.append(subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **bureaucrat_engine.variables}))

    yield start
    for process in running:
        process.terminate()
        process.wait(60)


def test_the_examples_work(bureaucrat_engine, bureaucrat_amqp, start, tmp_path, unique):
    examples = BLOCK.findall(README.read_text())
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **bureaucrat_engine.variables, "PYTHONPATH": path}
    address = re.fullmatch(r"amqp://(\w+):(\w+)@([^/]+)/%2f", bureaucrat_amqp)
    assert address is not None
    run: list[str] = []
    # Workers first; their examples come after those of the client.
    for code, printed in sorted(
        examples, key=lambda example: not ("worker.run()" in example[0] or "Celery(" in example[0])
    ):
        assert not printed or "print(" in code
        code = code.replace(ADDRESS, bureaucrat_amqp).replace('"greeter"', f'"{unique}"')
        code = code.replace('"test-greeter"', f'"{unique}-test"')
        code = code.replace(
            'Celery("shop", ',
            f'Celery("shop", set_as_current=True, config_source=dict(task_default_queue="{unique}"), ',
        )
        code = code.replace(
            '"host": "localhost", "user"',
            f'"host": "{address[3]}", "launcher_routing_key": "{bureaucrat_engine.names.launch_queue}", "user"',
        )
        file = tmp_path / ("shop.py" if "Celery(" in code else f"example{len(run)}.py")
        file.write_text(code)
        if "worker.run()" in code:
            start([sys.executable, str(file)])
        elif "Celery(" in code:
            start([sys.executable, "-m", "celery", "-A", "shop", "worker", "--loglevel", "WARNING", "-n", unique])
        elif "def test_" in code:
            subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)], env=environment, check=True
            )
        else:
            done = subprocess.run(
                [sys.executable, str(file)],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            expected = printed.replace('into="result">', f'into="result" queue="{unique}">')
            assert (done.returncode, done.stdout) == (0, expected), done.stderr
        run.append(code)
    assert len(run) == len(examples) >= 10
