"""The record's own work, wired.

forward   sinks: what they need of a site, the running part, what a check finds   (forward.py)
"""
