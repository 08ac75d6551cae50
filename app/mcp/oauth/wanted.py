"""What is said when a tool server wants a sign-in, or when one cannot be had."""

from collections.abc import Sequence

from app.core.errors import UpstreamError


class SignInError(UpstreamError):
    """A sign-in cannot go on: what the other side published or answered is not acceptable."""

    def __init__(self, message: str, *, remedy: str = "", status: int = 502) -> None:
        super().__init__(message, kind="sign_in", status=status)
        self.remedy = remedy


class TokenError(SignInError):
    """The token endpoint refused; `code` is its error code (RFC 6749 5.2), one of those that are known."""

    def __init__(self, message: str, *, code: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.code = code


class SignInWanted(UpstreamError):  # noqa: N818 - a wish of the server more than a failure
    """The caller has to sign in at the server, at `url`, before it can be used; `scopes` are those still missing."""

    def __init__(self, server: str, *, url: str, why: str, scopes: Sequence[str] = ()) -> None:
        super().__init__(
            f"The tool server {server} wants you to sign in: {why}.", kind="sign_in_wanted", status=401
        )
        self.remedy = f"Sign in at {url}" if url else ""
        self.server = server
        self.url = url
        self.scopes = tuple(scopes)
