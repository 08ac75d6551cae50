"""What an API key may spend: reserve an upper estimate, settle what it cost, never overspent by races.

Entrance: `Budgets` implements `app.admission.ports.Budgets`; principals without a budget never come here.
"""

from app.identity.budgets.budgets import Budgets, Spending

__all__ = ["Budgets", "Spending"]
