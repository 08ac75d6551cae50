"""What comes in beside the requests to generate: each client as it really is.

read_body       bodies in gzip, deflate or zstd, under caps              (bodies.py)
OwnKey          a caller's own key of a provider                         (own_key.py)
most, spoken    what a request may use; what a provider is spoken to in  (weight.py, spoken.py)
Listing         `/v1/models` as each client wants it                     (listing.py)
Managed         Claude Code's settings by role and group                 (settings.py)
Reports         OTLP reports as rows of the record                       (telemetry.py, otlp.py, protobuf.py)
Entrance: `client_routes(...)` in routes.py, beside `app.gateway.routes`.
"""
