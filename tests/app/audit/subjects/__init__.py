"""Persons in the record."""
