"""The demo: a site that needs no database, no key and no network.

story.py        the site, its few people, and the calls through the front door
provider.py     a simulated AI provider in the real wire formats (openai_wire.py, anthropic_wire.py, script.py)
sample_mcp.py   a sample MCP server over stdio, both eras
"""
