"""What a call costs: prices as data with versions and periods, money in integer microdollars.

Price        the rates of one entry in one period; `cost`, `bill`, `ceiling`   (prices.py)
PriceTable   entries by name; how tables differ, which models lack a price     (table.py)
Entrance: `read_prices(path)`                                                  (reading.py)
"""

from app.gateway.money.prices import Cost, Price, Rates
from app.gateway.money.reading import read_prices, today
from app.gateway.money.table import Change, Gap, PriceTable, changes, gaps, told

__all__ = [
    "Cost", "Change", "Gap", "Price", "PriceTable", "Rates", "changes", "gaps", "read_prices", "today", "told",
]  # fmt: skip
