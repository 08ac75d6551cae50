"""Anthropic messages, to and from the neutral words: requests, answers, streams."""

from app.gateway.messages.answer import read_answer, write_answer
from app.gateway.messages.reading import read_request
from app.gateway.messages.stream import MessagePieces, MessageStream
from app.gateway.messages.writing import write_request

__all__ = ["MessagePieces", "MessageStream", "read_answer", "read_request", "write_answer", "write_request"]
