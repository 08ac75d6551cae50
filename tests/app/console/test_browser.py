import pytest

from app.console.browser import HOME, form_token, safe_return


@pytest.mark.parametrize(
    "path",
    [
        "/console",
        "/console/decisions?actor=ada&decision=forbid",
        "/console/traces/0af7651916cd43dd8448eb211c80319c",
        "/console/help/operators/profile",
        "/console/decisions?actor=ada%40site",
    ],
)
def test_pages_of_the_console_are_returned_to(path: str) -> None:
    assert safe_return(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "https://evil.example/console",
        "//evil.example/console",
        "/\\evil.example",
        "/console\\..\\..",
        "/console//evil.example",
        "/console/../api/v1/users",
        "/console@evil.example",
        "/consoles",
        "/console/%0d%0aSet-Cookie: a=b",
        "/console/x\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/console?next=https://evil.example",
        "/console/" + "a" * 2000,
        "/console/\u202eelosnoc",
        "/v1/models",
    ],
)
def test_everything_else_is_not_returned_to(path: str) -> None:
    assert safe_return(path) == HOME


def test_form_tokens_follow_their_secret_and_do_not_contain_it() -> None:
    secret = "ss_" + "a" * 43
    assert form_token(secret) == form_token(secret) != form_token(secret + "b")
    assert secret not in form_token(secret)
