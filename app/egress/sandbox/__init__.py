"""Children that can do nothing but their work: what is asked of a confinement, what a host offers, what was reached.

Confinement  what one program may do: paths, network, limits, user        (confinement.py)
Level        each measure on, or off with the reason, and how to mend it  (level.py)
Program      what to start and how confined                               (program.py)
spawn        start it through the stub of app.confined                    (spawn.py)
Child        the running program: streams, its end, everything it started (child.py)
cgroup       control groups, where systemd delegates them to us           (cgroup.py)
probe        what this host offers, tried out once                        (offered.py)
"""

from app.egress.sandbox.child import Child
from app.egress.sandbox.confinement import Confinement, Limits
from app.egress.sandbox.level import Level, Missing
from app.egress.sandbox.offered import probe
from app.egress.sandbox.program import Program
from app.egress.sandbox.spawn import Fork, spawn

__all__ = ["Child", "Confinement", "Fork", "Level", "Limits", "Missing", "Program", "probe", "spawn"]
