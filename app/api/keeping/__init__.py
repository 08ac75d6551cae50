"""What is kept and what is let go: erasing a person, legal holds, what retention would do.

operations   the table of this subject   (operations.py)
"""

from app.api.keeping.operations import operations

__all__ = ["operations"]
