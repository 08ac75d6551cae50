"""Gemini generateContent, from the neutral words and back: requests, answers, streams."""

from app.gateway.gemini.answer import GeminiPieces, read_answer
from app.gateway.gemini.writing import place, write_request

__all__ = ["GeminiPieces", "place", "read_answer", "write_request"]
