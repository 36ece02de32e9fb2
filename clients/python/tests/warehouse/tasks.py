"""Tasks with an effect: each writes a line to a file, as another would charge a card.

`order` and `step` say for what a task was called, so that a second effect for the same step can be found.
"""

import json
import os
import socket
import time

from celery import chain

from .celery import app

# What a service that is called takes before and after its effect, so that workers are killed in the middle of tasks.
SERVICE_SECONDS = 0.005
# The member of a stock-taking that fails the first time.
BUSY_MEMBER = 17


class Busy(Exception):
    pass


def affect(request, order, step):
    """Writes a line: the step, and the message that the worker got."""
    redelivered = bool((request.delivery_info or {}).get("redelivered"))
    line = json.dumps([order, step, request.id, request.retries, redelivered]) + "\n"
    time.sleep(SERVICE_SECONDS)
    file = os.open(f"{os.environ['WAREHOUSE_EFFECTS']}/{os.getpid()}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    # One write, so that a SIGKILL leaves a whole line or none.
    os.write(file, line.encode())
    os.close(file)
    time.sleep(SERVICE_SECONDS)


def is_busy(order, member):
    """Whether this is the first count of the member that fails once."""
    if member != BUSY_MEMBER:
        return False
    try:
        os.close(os.open(f"{os.environ['WAREHOUSE_BUSY']}/{order}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


@app.task(bind=True)
def add(self, x, y, order, step):
    affect(self.request, order, step)
    return x + y


@app.task(bind=True)
def double(self, x, order, step):
    affect(self.request, order, step)
    return 2 * x


@app.task(bind=True)
def total(self, numbers, order, step):
    affect(self.request, order, step)
    return sum(numbers)


@app.task(bind=True)
def square(self, number, order):
    affect(self.request, order, number)
    return number * number


def counted(task, number, order):
    affect(task.request, order, number)
    if is_busy(order, number):
        raise Busy(f"the shelf of {number} is being filled")
    return number + 1


@app.task(bind=True)
def count(self, number, order):
    """Fails once for one of the members."""
    return counted(self, number, order)


@app.task(bind=True, autoretry_for=(Busy,), retry_kwargs={"countdown": 0, "max_retries": 3})
def count_again(self, number, order):
    """The same, and has itself tried again."""
    return counted(self, number, order)


@app.task(bind=True)
def assemble(self, x, order):
    """Replaces itself by a chain."""
    affect(self.request, order, "assemble")
    return self.replace(chain(add.s(x, 1, order=order, step="add"), double.s(order=order, step="double")))


@app.task
def wait(*_, seconds=0):
    """A call of a service that takes so long."""
    time.sleep(seconds)


@app.task
def tell(_, slot, seconds=0):
    """The last step of a chain: the same, then it says over a local socket that it ran."""
    time.sleep(seconds)
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.sendto(str(slot).encode(), os.environ["WAREHOUSE_TOLD"])
    told.close()
