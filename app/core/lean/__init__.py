"""Packages of others that are entered without being imported whole.

enter   from then on each package of the table is a shell   (shells.py)
"""

from app.core.lean.shells import enter

__all__ = ["enter"]
