"""What a call costs: prices as data with versions, money in integer microdollars.

PriceTable   prices by name, as a bundle brings them                (prices.py)
Price        the rates of one model; `cost` and `ceiling`
Entrance: `read_prices(path)`.
"""

from app.gateway.money.prices import Price, PriceTable, read_prices

__all__ = ["Price", "PriceTable", "read_prices"]
