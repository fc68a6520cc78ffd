"""Pictures made small: what runs in the process that decodes.

What lives here: reading, scaling, cropping and writing pictures with Pillow, and the loop of the child process. What
must not: an import of anything else of this package. The child loads this folder alone, in milliseconds, and what a
decoder's fault could reach is as little as possible.
"""
