"""bureaucrat with Celery: `install` answers for tasks that get a workitem; `durable` runs a canvas.

Needs Celery 5.3 or later: `pip install "bureaucrat[celery]"`.
"""

try:
    import celery as _celery  # noqa: F401
except ImportError as problem:
    raise ImportError('bureaucrat.celery needs Celery; install it with: pip install "bureaucrat[celery]"') from problem

from .answers import install
from .canvas import Durable, DurableResult, durable
from .literals import CanvasError

__all__ = ["CanvasError", "Durable", "DurableResult", "durable", "install"]
