"""Thin doors, one per framework: each makes an `UploadRequest` of the framework's request and a framework's answer of
ours. What must not live here: anything that two of them would need (it belongs into endpoint.py, HTML into tags.py).
"""
