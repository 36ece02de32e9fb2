"""The Celery app, as in Celery's guide for Django. It finds the module `tasks` of each installed app."""

from celery import Celery

from . import settings

app = Celery("proj")
# With Django: app.config_from_object("django.conf:settings", namespace="CELERY")
app.config_from_object(settings, namespace="CELERY")
# With Django: app.autodiscover_tasks()
app.autodiscover_tasks(settings.INSTALLED_APPS)
