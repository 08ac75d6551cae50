"""The demonstration: counterparts that ship in the file and speak the real wire formats.

sample_mcp  a tool server over stdio, both eras of the Model Context Protocol
"""
