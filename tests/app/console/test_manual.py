import pytest

from app.console.manual import address, rendered, sections
from app.core.paths import page, topics


def test_every_topic_is_listed_once_and_can_be_rendered() -> None:
    listed = [name for _, entries in sections() for name, _ in entries]
    assert sorted(listed) == sorted(topics())
    for name in listed:
        assert "<h1" in rendered(page(name) or "", topic=name)


def test_raw_html_and_script_links_are_text() -> None:
    text = rendered(
        "<script>alert(1)</script>\n\n[go](javascript:alert(1)) ![x](http://evil.example/x.png)", topic=""
    )
    assert "<script" not in text
    assert "href" not in text
    assert "<img" not in text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("quick-start.md", "/console/help/quick-start"),
        ("operators/profile.md#listen", "/console/help/operators/profile#listen"),
        ("#here", "#here"),
        ("https://evil.example", ""),
        ("//evil.example", ""),
        ("../../etc/passwd", ""),
        ("data:text/html,x", ""),
        ("nothing.md", ""),
    ],
)
def test_links_stay_in_the_manual(url: str, expected: str) -> None:
    assert address(url, topic="quick-start") == expected


def test_links_are_relative_to_their_page() -> None:
    assert address("../quick-start.md", topic="operators/profile") == "/console/help/quick-start"


def test_tables_and_headings_are_made_from_markdown() -> None:
    text = rendered("# The `site`\n\n| a | b |\n|---|---|\n| 1 | <i> |\n", topic="quick-start")
    assert '<h1 id="the-site">' in text
    assert "<td>1</td><td>&lt;i&gt;</td>" in text.replace("\n", "").replace("  ", "")
