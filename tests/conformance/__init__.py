"""The MCP conformance kit against Sallyport, through it, and with it as the client.

kit         one run of a set, read                                   (kit.py)
published   what docs/conformance.md says, compared or written       (published.py)
everything  the `mcp` package's example server, over HTTP and stdio  (everything.py)

`scripts/test` fetches the kit where there is npm; `scripts/conformance` runs this folder and writes the page.
"""
