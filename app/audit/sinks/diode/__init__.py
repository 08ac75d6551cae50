"""Both sides of a one-way gate: numbered, signed files in a folder.

transport   the near side writes       (transport.py)
signing     the key that signs         (signing.py)
receiving   the far side checks        (receiving.py)
"""
