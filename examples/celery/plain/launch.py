"""Launches canvases as durable processes and prints what they return."""

from celery import chain, chord, group
from tasks import add, check, flaky, total

from bureaucrat import ProcessFailed
from bureaucrat.celery import durable

print("chain:", durable(chain(add.s(1, 2), add.s(10))).launch().get(timeout=60))
print("group:", durable(group(add.s(n, n) for n in range(5))).launch().get(timeout=60))
print("chord:", durable(chord([add.s(n, n) for n in range(5)], total.s())).launch().get(timeout=60))
print("retries:", durable(flaky.s("third time lucky")).launch().get(timeout=60))
print("countdown:", durable(add.s(1, 2).set(countdown=0.5)).launch().get(timeout=60))

try:
    durable(chain(add.s(100, 2), check.s(), add.s(1))).launch().get(timeout=60)
except ProcessFailed as failed:
    print("failed:", failed.code)

launched = durable(chain(add.s(1, 2).set(countdown=3600), add.s(10))).launch()
print("revoked:", launched.revoke("no longer needed"))
