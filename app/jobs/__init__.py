"""Time: periodic work, one loop a job, one shape for all.

Job     what, how often, and what it may do wrong   (loop.py)
Leader  who of all nodes does what only one may do  (leader.py)
A job that raises is logged and tried again at its next turn; it never ends the server.
"""

from app.jobs.leader import Leader
from app.jobs.loop import Job, run_jobs

__all__ = ["Job", "Leader", "run_jobs"]
