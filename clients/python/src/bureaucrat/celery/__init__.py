"""bureaucrat with Celery: `install` answers for tasks that get a workitem; `durable` runs a canvas.

Needs Celery 5.3 or later: `pip install "bureaucrat[celery]"`.
"""

from .answers import install
from .canvas import CanvasError, Durable, durable

__all__ = ["CanvasError", "Durable", "durable", "install"]
