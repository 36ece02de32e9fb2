"""What a view of the shop calls when somebody buys something."""

from celery import chain, chord

from bureaucrat.celery import DurableResult, durable
from mails.tasks import confirm
from payments.tasks import charge

from .tasks import price, release, ship, total


def place_order(order: str, items: list[str]) -> DurableResult:
    """Launches the process of an order. A second call for the same order returns the same process."""
    steps = chain(
        chord([price.s(item) for item in items], total.s()),
        charge.s(order),
        ship.s(order),
        confirm.s(),
    )
    canvas = steps.on_error(release.si(order))
    return durable(canvas, name="order").launch(message_id=order)
