"""What the host knows of processes, and what it can hold them to.

Usage    memory and processor time of one and all it started     (usage.py)
foreign  whether somebody else listens on a program's port       (listening.py)
Groups   a control group for each, where they are delegated      (groups.py)
"""
