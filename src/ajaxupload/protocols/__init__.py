"""One wire protocol, one file: each tells whether a request is its own, reads it, and words the answer.

What must not live here: storing (the engine's) and deciding who may (the guard's). `base` holds what all share,
`replies` the shapes of answers.
"""
