"""Names on the shared endpoint lead back to one server, whatever the others are called."""

from hypothesis import given
from hypothesis import strategies as st

from app.mcp.protocol import names

SERVER = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True)


@given(server=SERVER, name=st.text(min_size=1))
def test_joined_name_comes_apart_again(server: str, name: str):
    assert names.split(names.join(server, name), [server]) == (server, name)
    assert names.split_uri(names.join_uri(server, name), [server]) == (server, name)


def test_longer_server_name_wins():
    assert names.split("a__b__c", ["a", "a__b"]) == ("a__b", "c")


def test_unknown_server_is_nothing():
    assert names.split("b__t", ["a"]) is None
    assert names.split("a_t", ["a"]) is None
    assert names.split_uri("file:///x", ["file"]) is None
    assert names.split_uri("sallyport://b/x", ["a"]) is None
