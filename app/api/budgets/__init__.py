"""What may be spent: budgets and what stands under them, and who spent how much.

operations   the table of this subject   (operations.py)
"""

from app.api.budgets.operations import operations

__all__ = ["operations"]
