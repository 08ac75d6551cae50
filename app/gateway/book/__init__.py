"""What one reading of the profile says about models: replaced whole when it is read again.

Target       one model at one provider, ready to be sent to      (target.py)
Found        what a client's name means                          (book.py)
open_book    names, models and targets of a profile              (opening.py)
"""

from app.gateway.book.book import Book, Found, Listed
from app.gateway.book.opening import Opening, open_book
from app.gateway.book.target import DIALECTS, Target

__all__ = ["DIALECTS", "Book", "Found", "Listed", "Opening", "Target", "open_book"]
