"""Databases as released versions left them, each filled through the front door; upgrades start from these."""
