"""Tasks of the app `mails`."""

from celery import shared_task


@shared_task
def confirm(shipment):
    return f"on its way, {shipment['charged']} charged"
