"""A Celery app in a package of its own, which knows nothing about bureaucrat."""
