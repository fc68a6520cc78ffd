"""The stores: one backend, one file. `base` is their contract.

What must not live here: imports of the backends themselves, for each may need a package of its own; the registry
loads those that are configured.
"""
