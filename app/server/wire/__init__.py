"""What lies under a request: the connection with its parser, and its TLS.

connection.py   aiohttp's connection with our answer to what is not HTTP
tls.py          the listener's certificate, yours or the local authority's
"""
