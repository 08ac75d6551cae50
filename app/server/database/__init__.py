"""The site's roles in its database: who migrates, writes, seals (roles.py)."""

from app.server.database.roles import apply, bring_up_to_date, database_name, script, standing, url_for

__all__ = ["apply", "bring_up_to_date", "database_name", "script", "standing", "url_for"]
