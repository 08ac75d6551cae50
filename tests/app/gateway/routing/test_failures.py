"""What follows a failure, and what a provider says about its limits."""

from datetime import UTC, datetime

import pytest

from app.gateway.routing import Ended, Next, after, closed_for, pause, told_to_wait
from app.gateway.routing.retry import LONGEST_PAUSE, said_to_retry

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_these_may_be_tried_again(status: int):
    assert after(Ended(kind="status", status=status)) is Next.AGAIN


@pytest.mark.parametrize("status", [401, 402, 403, 501, 505, 599])
def test_these_are_better_tried_elsewhere(status: int):
    assert after(Ended(kind="status", status=status)) is Next.ELSEWHERE


@pytest.mark.parametrize("status", [302, 400, 404, 405, 413, 415, 422, 451])
def test_these_would_be_the_same_anywhere(status: int):
    assert after(Ended(kind="status", status=status)) is Next.END


def test_the_providers_own_word_about_trying_again_counts():
    assert after(Ended(kind="status", status=400, retry=True)) is Next.AGAIN
    assert after(Ended(kind="status", status=500, retry=False)) is Next.ELSEWHERE
    assert after(Ended(kind="status", status=400, retry=False)) is Next.END
    assert after(Ended(kind="status", status=401, retry=True)) is Next.ELSEWHERE
    assert said_to_retry([("x-should-retry", "True")]) is True
    assert said_to_retry([("x-should-retry", "maybe")]) is None


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("connect", Next.AGAIN), ("closed", Next.AGAIN), ("event", Next.AGAIN), ("timeout", Next.ELSEWHERE),
        ("protocol", Next.ELSEWHERE), ("too_large", Next.END), ("anything", Next.END),
    ],
)  # fmt: skip
def test_failures_without_a_status_go_by_their_kind(kind: str, what: Next):
    assert after(Ended(kind=kind)) is what


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "9" * 400}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None):
    assert told_to_wait(headers.items(), now=NOW) == seconds


def test_pauses_grow_up_to_an_end_and_what_was_told_counts():
    assert pause(1, chance=0.0, told=None) < pause(2, chance=0.0, told=None) < pause(3, chance=1.0, told=None)
    assert pause(1000, chance=1.0, told=None) == LONGEST_PAUSE
    assert pause(1, chance=0.5, told=9.0) == 9.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 300.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m1.5s"}, 61.5),
        ({"x-ratelimit-remaining-tokens": "3", "x-ratelimit-reset-tokens": "1s"}, 0.0),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-11-21T12:00:05Z",
                "anthropic-ratelimit-output-tokens-remaining": "0",
                "anthropic-ratelimit-output-tokens-reset": "2026-11-21T12:00:45Z",
            },
            45.0,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2999-01-01T00:00:00Z"}, 300.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1970-01-01T00:00:00Z"}, 0.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "x" * 5000}, 0.0),
        ({"x-ratelimit-remaining": "0"}, 0.0),
    ],
)
def test_what_providers_say_about_their_limits(headers: dict[str, str], seconds: float):
    assert closed_for(list(headers.items()), now=lambda: NOW) == seconds
