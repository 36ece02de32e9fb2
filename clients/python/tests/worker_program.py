"""A worker in a process of its own. Its function waits until the file in the field `gate` exists."""

import os
import sys
import time

from bureaucrat import Worker

worker = Worker(concurrency=2)


@worker.participant(sys.argv[1])
def work(task):
    open(task.fields["begun"], "a").close()
    while not os.path.exists(task.fields["gate"]):
        task.check()
        time.sleep(0.02)
    return {"by": os.getpid()}


worker.run()
