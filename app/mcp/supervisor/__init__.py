"""Tool programs kept as the profile wants them, whatever they do.

Stand       where a program stands, and what each event makes of it: pure   (stand.py)
Driven      one program: started, watched, restarted, ended             (driven.py, life.py, watch.py)
Supervised  the same as the upstream that callers see                       (supervised.py)
Instances   the processes of one entry: the shared one and those of one caller (instances.py)
Rules       how it is to be kept, and what all share                        (rules.py)
Capacity    how many, and how much memory, for all together                 (capacity.py)
Bus         what happened, to whoever listens                               (bus.py)
LogFile     its standard error, kept with rotation                          (logfile.py)
host        what the host knows of processes, and what it can hold them to  (host/)
"""

from app.mcp.supervisor.bus import Bus, Lifecycle
from app.mcp.supervisor.capacity import Capacity
from app.mcp.supervisor.logfile import LogFile, log_path
from app.mcp.supervisor.rules import Rules, Surroundings
from app.mcp.supervisor.supervised import Supervised

__all__ = ["Bus", "Capacity", "Lifecycle", "LogFile", "Rules", "Supervised", "Surroundings", "log_path"]
