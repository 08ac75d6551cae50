"""Tool programs kept as the profile wants them, whatever they do.

Stand       where a program stands, and what each event makes of it: pure   (stand.py)
Supervised  one program as an upstream: started, watched, restarted, ended  (supervised.py, watch.py)
Instances   the processes of one entry: the shared one and those of one caller (instances.py)
Rules       how it is to be kept                                            (rules.py)
Capacity    how many, and how much memory, for all together                 (capacity.py)
Bus         what happened, to whoever listens                               (bus.py)
LogFile     its standard error, kept with rotation                          (logfile.py)
Usage       memory and processor time of it and all it started              (usage.py)
foreign     whether somebody else listens on a program's port               (listening.py)
Groups      a control group for each, where they are delegated              (groups.py)
"""

from app.mcp.supervisor.bus import Bus, Lifecycle
from app.mcp.supervisor.capacity import Capacity
from app.mcp.supervisor.logfile import LogFile, log_path
from app.mcp.supervisor.rules import Rules
from app.mcp.supervisor.supervised import Supervised

__all__ = ["Bus", "Capacity", "Lifecycle", "LogFile", "Rules", "Supervised", "log_path"]
