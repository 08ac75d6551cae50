"""What may be spent: reserve an upper estimate, settle what it cost, never overspent by races.

Budget       a subject, limits, models and a window                        (records.py)
Applying     which budgets hold for a call; pure                           (applying.py)
Budgets      reserve and settle in one statement under all of them         (budgets.py)
Definitions  set, list and remove, governed                                (defining.py)
Entrance: `Budgets` implements `app.admission.ports.Budgets`; where no budget holds nothing is asked.
"""

from app.identity.budgets.budgets import Budgets
from app.identity.budgets.defining import OF_KEYS, BudgetStanding, Definitions, Wanted
from app.identity.budgets.records import Alert, Budget, Share, Spending

__all__ = [
    "OF_KEYS",
    "Alert",
    "Budget",
    "Budgets",
    "Definitions",
    "Share",
    "Spending",
    "BudgetStanding",
    "Wanted",
]
