"""Amazon Bedrock Converse, from the neutral words and back: requests, answers, streams."""

from app.gateway.bedrock.answer import read_answer
from app.gateway.bedrock.stream import BedrockPieces
from app.gateway.bedrock.writing import place, write_request

__all__ = ["BedrockPieces", "place", "read_answer", "write_request"]
