"""Sections of the profile about AI providers and models."""
