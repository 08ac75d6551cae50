"""One client connection: aiohttp's, with its C parser only and our own answer to what is not HTTP (RFC 9112)."""

import logging

from aiohttp import http_parser, web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from app.core.canonical import canonical
from app.core.errors import ConfigError

log = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """Answers malformed requests with one line in the log, not with a traceback that anybody could provoke."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The last answer of the connection."""
        if request.writer.output_size > 0:
            raise ConnectionError("The answer had begun; the connection ends.")
        if isinstance(exc, BadHttpMessage):
            log.info("malformed request from %s: %s", request.remote, type(exc).__name__)
            too_long = isinstance(exc, LineTooLong) or "Too many headers" in exc.message
            status, code = (431, "headers_too_large") if too_long else (400, "malformed_request")
            text = "The request's headers are too large." if too_long else "The request is not valid HTTP."
        else:
            log.error("a request from %s failed", request.remote, exc_info=exc)
            status, code, text = 500, "internal_error", "Sallyport failed on this request; see its log."
        body = canonical({"error": {"code": code, "message": text}})
        response = web.Response(status=status, body=body, content_type="application/json")
        response.headers["Server"] = "sallyport"
        response.force_close()
        return response


def uses_compiled_parser() -> bool:
    """Whether requests are read by llhttp; aiohttp's Python fallback accepts smuggled ones."""
    return http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy


def require_compiled_parser() -> None:
    """ConfigError unless requests are read by llhttp."""
    if not uses_compiled_parser():
        raise ConfigError(
            "aiohttp's C parser is not loaded, so requests could be smuggled.",
            remedy="Unset AIOHTTP_NO_EXTENSIONS, or use the one-file Sallyport, which brings the parser.",
        )
