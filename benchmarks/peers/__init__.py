"""Those who are measured, one file each: its program where it is Python, and its entries in the list of contenders.

What lives here: nothing. What must not: how they are started (contender.py), what they are sent (scenarios/).
"""
