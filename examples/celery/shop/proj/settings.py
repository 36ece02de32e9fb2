"""The settings of the project. Django has the same names."""

import os

INSTALLED_APPS = ["orders", "payments", "mails"]

# Where the app `payments` remembers what it charged.
DATABASE = os.environ.get("SHOP_DATABASE", "shop.db")

CELERY_BROKER_URL = os.environ.get("BUREAUCRAT_AMQP", "amqp://guest:guest@localhost/")
# Needs no server. With it, the fault of a process has the type, the message and the traceback of the exception.
CELERY_RESULT_BACKEND = "rpc://"
CELERY_TASK_DEFAULT_QUEUE = "shop"
CELERY_TASK_ROUTES = {"payments.*": {"queue": "payments"}}
# A task whose worker dies runs again in another worker.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
