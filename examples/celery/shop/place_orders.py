"""Places orders, as views of the shop would, and waits for them. With Django, this is a management command."""

import uuid

import proj  # noqa: F401  (with Django, manage.py loads the project)
from bureaucrat import ProcessFailed
from orders.services import place_order

order = f"order-{uuid.uuid4()}"
first = place_order(order, ["tea", "coffee", "tea"])
again = place_order(order, ["tea", "coffee", "tea"])
print("one process:", first.id == again.id)
print(first.get(timeout=60))

try:
    place_order(f"order-{uuid.uuid4()}", ["piano"]).get(timeout=60)
except ProcessFailed as failed:
    print(f"failed: {failed.code}: {failed.message}")
