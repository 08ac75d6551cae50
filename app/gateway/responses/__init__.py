"""OpenAI responses, to and from the neutral words: requests, answers, streams."""

from app.gateway.responses.answer import read_answer, write_answer
from app.gateway.responses.reading import read_request
from app.gateway.responses.stream import ResponsePieces, ResponseStream
from app.gateway.responses.writing import write_request

__all__ = ["ResponsePieces", "ResponseStream", "read_answer", "read_request", "write_answer", "write_request"]
