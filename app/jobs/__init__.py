"""Time: periodic work, one loop a job, one shape for all.

Job     what, how often, and what it may do wrong   (loop.py)
A job that raises is logged and tried again at its next turn; it never ends the server.
"""

from app.jobs.loop import Job, run_jobs

__all__ = ["Job", "run_jobs"]
