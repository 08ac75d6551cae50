"""What comes in beside the requests to generate: each client as it really is.

read_body       bodies in gzip, deflate or zstd, under caps              (bodies.py)
"""
