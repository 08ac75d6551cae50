"""What `sallyport demo` shows, without a key and without a network.

SimulatedProvider  an AI provider in both real wire formats   (provider.py, script.py, openai_wire.py, anthropic_wire.py)
"""
