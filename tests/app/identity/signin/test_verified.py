"""What is remembered is bounded, and void as soon as it may be wrong."""

from app.core.principal import Principal
from app.identity.change import TRUSTED_FOR, Version
from app.identity.signin.verified import BELIEVED_FOR, Misses, VerifiedCache
from tests.app.identity.world import ManualClock, World

ADA = Principal(id="1", kind="user", name="ada")


def started(site: World) -> tuple[VerifiedCache, Version, ManualClock]:
    version = Version(pool=site.pool, clock=site.clock)
    return VerifiedCache(version=version, clock=site.clock, size=3), version, site.clock


async def test_cached_principal_is_believed_until_its_time_is_over(site: World) -> None:
    cache, version, clock = started(site)
    await version.refresh()
    cache.put(b"k", ADA, epoch=cache.epoch, seconds=10_000)
    for _ in range(int(BELIEVED_FOR) - 1):
        clock.advance(1)
        await version.refresh()
        assert cache.get(b"k") == ADA
    clock.advance(1)
    await version.refresh()
    assert cache.get(b"k") is None
    assert cache.known(b"k")


async def test_nothing_is_believed_before_the_first_look_or_long_after_the_last(site: World) -> None:
    cache, version, clock = started(site)
    cache.put(b"k", ADA, epoch=cache.epoch, seconds=60)
    assert cache.get(b"k") is None
    await version.refresh()
    cache.put(b"k", ADA, epoch=cache.epoch, seconds=60)
    assert cache.get(b"k") == ADA
    clock.advance(TRUSTED_FOR)
    assert cache.get(b"k") is None


async def test_fact_read_before_a_change_is_void_after_it(site: World) -> None:
    cache, version, _ = started(site)
    await version.refresh()
    before = cache.epoch
    version.seen(1_000)
    cache.put(b"k", ADA, epoch=before, seconds=60)
    assert cache.get(b"k") is None


async def test_older_version_of_a_restored_database_voids_the_cache_too(site: World) -> None:
    cache, version, _ = started(site)
    version.seen(1_000)
    await version.refresh()
    cache.put(b"k", ADA, epoch=cache.epoch, seconds=60)
    version.seen(999)
    assert cache.get(b"k") is None


async def test_cache_keeps_no_more_than_its_size_and_forgets_the_oldest(site: World) -> None:
    cache, version, _ = started(site)
    await version.refresh()
    for key in (b"a", b"b", b"c", b"a", b"d"):
        cache.put(key, ADA, epoch=cache.epoch, seconds=60)
    assert len(cache) == 3
    assert [key for key in (b"a", b"b", b"c", b"d") if cache.get(key)] == [b"a", b"c", b"d"]


def test_misses_are_counted_per_address_and_forgotten_after_a_minute() -> None:
    clock = ManualClock()
    misses = Misses(clock=clock, allowed=2, seconds=60)
    misses.add("10.0.0.1")
    assert not misses.too_many("10.0.0.1")
    misses.add("10.0.0.1")
    assert misses.too_many("10.0.0.1")
    assert not misses.too_many("10.0.0.2")
    clock.advance(60)
    assert not misses.too_many("10.0.0.1")
    misses.add("10.0.0.1")
    assert not misses.too_many("10.0.0.1")


def test_addresses_of_one_ipv6_network_count_together() -> None:
    misses = Misses(clock=ManualClock(), allowed=2)
    misses.add("2001:db8::1")
    misses.add("2001:db8::ffff:2")
    assert misses.too_many("2001:db8:0:0:abcd::3")
    assert not misses.too_many("2001:db8:0:1::3")
    misses.add("::ffff:10.0.0.1")
    misses.add("10.0.0.1")
    assert misses.too_many("::ffff:10.0.0.1")
    misses.add("not:an:address")
    assert not misses.too_many("not:an:address")


def test_counts_of_misses_are_bounded() -> None:
    misses = Misses(clock=ManualClock(), allowed=1)
    for number in range(10_000):
        misses.add(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}")
    assert not misses.too_many("10.0.0.0")
    assert misses.too_many("10.0.39.15")
