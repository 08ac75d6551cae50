"""What no input may do to a page: hide, turn around, lead away."""

import unicodedata
from urllib.parse import urljoin, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from app.console.browser import HOME, safe_return
from app.console.manual import address
from app.console.render import visible
from app.core.paths import topics

paths = st.one_of(
    st.text(), st.text("/\\.:@%?#cons0le&=", max_size=40), st.text(max_size=40).map(HOME.__add__)
)


@given(st.text())
def test_shown_text_holds_nothing_that_cannot_be_seen(text: str) -> None:
    hidden = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
    assert not [char for char in visible(text) if unicodedata.category(char) in hidden and char not in "\n\t"]
    visible(text).encode("utf-8")


@given(paths)
def test_a_return_path_never_leaves_the_console(path: str) -> None:
    found = urlsplit(urljoin("https://site.example/console/sign-in", safe_return(path)))
    assert (found.scheme, found.netloc) == ("https", "site.example")
    assert found.path == HOME or found.path.startswith(HOME + "/")


@given(paths)
def test_a_link_of_the_manual_leads_to_a_topic_a_heading_or_nowhere(url: str) -> None:
    found = address(url, topic="quick-start")
    topic = found.partition("#")[0].removeprefix("/console/help/")
    assert not found or found.startswith("#") or topic in topics()
