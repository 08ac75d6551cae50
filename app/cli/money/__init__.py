"""`budget` and `prices`: what may be spent, and what a call costs.

budgets.py   set, list, show and remove: governed changes of a site's database
prices.py    show, check and diff: files alone, no database is asked
"""

from app.cli.money.budgets import budget
from app.cli.money.prices import prices

__all__ = ["budget", "prices"]
