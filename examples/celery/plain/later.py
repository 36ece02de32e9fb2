"""Launches a canvas, prints the id of its process, and does not wait for the result."""

from celery import chord
from tasks import add, total

from bureaucrat.celery import durable

launched = durable(chord([add.s(n, n) for n in range(10)], total.s()), name="sums").launch()
print(launched.id)
