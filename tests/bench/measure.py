"""The interleaving: every system takes every scenario in turn, round after round."""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.bench.load import CORE, Aim, Load, Run, Scenario, chat
from tests.bench.ours import RECORDED, UNRECORDED, aims, start_ours
from tests.bench.peers import PEERS, Peer, Place
from tests.bench.process import BenchError, Program, ahead_of_others, more_files

GATEWAY_CORE = 0
OURS, UNRECORDED_NAME, DIRECT = "Sallyport", "Sallyport, nothing recorded", "no gateway"


@dataclass(frozen=True, kw_only=True)
class System:
    """A running program and the requests it takes."""

    program: Program
    aims: dict[str, Aim]
    slow: bool = False
    """Whether a second of load is too few answers to judge by."""


@dataclass(kw_only=True)
class Results:
    """All runs by scenario and system, the systems' versions, what is missing and why, and memory at the end."""

    runs: dict[tuple[str, str], list[Run]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)


def scenarios(*, quick: bool, first: bool = False) -> list[Scenario]:
    """The loads; the quick ones are shorter, not different."""
    return [replace(scenario, first=scenario.first or first) for scenario in _scenarios(quick=quick)]


def _scenarios(*, quick: bool) -> list[Scenario]:
    seconds = 2.5 if quick else 6.0
    return [
        Scenario(name="chat", expected="lantern", connections=64, seconds=seconds),
        Scenario(name="chat20", expected="lantern", connections=16, seconds=seconds),
        Scenario(name="chat200", expected="lantern", connections=4, seconds=seconds),
        Scenario(name="many", expected="[DONE]", connections=1000, seconds=seconds, warmup=2.5),
        Scenario(name="stream", expected="[DONE]", connections=32, seconds=seconds, warmup=1.2),
        Scenario(name="mcp", expected="forty-two", connections=16, seconds=seconds),
        Scenario(
            name="added",
            expected="lantern",
            connections=64,
            seconds=5.0 if quick else 15.0,
            warmup=0.5,
            rate=40,
            first=True,
        ),
    ]


def measure(folder: Path, *, quick: bool, peers: bool, first: bool) -> Results:
    """Start everything, run everything, end everything. Quick takes only peers that are already installed.

    With `first` every load, not only the light one, is scheduled ahead of whatever else the machine does.
    """
    results = Results()
    more_files()
    load = Load(folder / "load")
    with ExitStack() as stack:
        upstream = stack.enter_context(_running(load.upstream(delay_ms=0)))
        slow = stack.enter_context(_running(load.upstream(delay_ms=50)))
        systems = [System(program=slow, aims={"added": Aim(path="/v1/chat/completions", body=chat())})]
        slow.name = DIRECT
        for name, module in ((OURS, RECORDED), (UNRECORDED_NAME, UNRECORDED)):
            place = folder / f"site-{module[-1].rpartition('.')[2]}"
            program, key = start_ours(
                name=name, module=module, folder=place, upstream=upstream.port, slow=slow.port
            )
            stack.enter_context(_running(program))
            taken = aims(key) if name == OURS else {"chat": aims(key)["chat"]}
            systems.append(System(program=program, aims=taken))
        systems += _peers(PEERS if peers else (), folder, upstream, results, stack, install=not quick)
        for system in systems[1:]:
            system.program.pin(GATEWAY_CORE, rest=CORE)
            system.program.pause()
        for number in range(1 if quick else 3):
            _round(
                load, systems, (upstream, slow), scenarios(quick=quick, first=first), results, number=number
            )
        for system in systems[1:]:
            results.megabytes[system.program.name] = system.program.megabytes()
    return results


def _peers(
    wanted: Sequence[Peer],
    folder: Path,
    upstream: Program,
    results: Results,
    stack: ExitStack,
    *,
    install: bool,
) -> list[System]:
    """Started together: some take half a minute."""
    with ThreadPoolExecutor() as pool:
        starts = [
            pool.submit(_peer, peer, folder / peer.name.lower(), upstream, results, install=install)
            for peer in wanted
        ]
    found = [start.result() for start in starts if start.exception() is None]
    systems = [system for system in found if system is not None]
    for system in systems:
        stack.enter_context(_running(system.program))
    for start in starts:
        start.result()
    return systems


def _peer(peer: Peer, folder: Path, upstream: Program, results: Results, *, install: bool) -> System | None:
    try:
        if not peer.installed(folder):
            if not install:
                raise BenchError("not installed; scripts/bench without --quick installs it")
            say(f"installing {peer.name} (once)")
            peer.install(folder)
            if not peer.installed(folder):
                raise BenchError("the installation did not bring what was expected")
        say(f"starting {peer.name} {peer.version()}")
        place = Place(folder=folder, upstream_port=upstream.port)
        program = peer.start(place)
    except BenchError as error:
        say(f"{peer.name} is missing: {error}")
        results.missing[peer.name] = str(error)
        return None
    results.versions[peer.name] = peer.version()
    wanted = {name: peer.aim(place, name) for name in sorted(peer.scenarios)}
    return System(program=program, aims=wanted, slow=peer.slow)


def _round(
    load: Load,
    systems: list[System],
    upstreams: tuple[Program, ...],
    wanted: list[Scenario],
    results: Results,
    *,
    number: int,
) -> None:
    for scenario in wanted:
        for system in systems:
            program, name = system.program, system.program.name
            if scenario.name not in system.aims or name in results.missing:
                continue
            program.resume()
            ahead = (*upstreams, program) if scenario.first else ()
            try:
                with ahead_of_others(*ahead):
                    run = load.drive(program, system.aims[scenario.name], _patient(scenario, system))
            except BenchError as error:
                if name == OURS:
                    raise
                results.missing[name] = str(error)
                say(str(error))
                continue
            finally:
                if name != DIRECT:
                    program.pause()
            results.runs.setdefault((scenario.name, name), []).append(run)
            say(
                f"round {number + 1}  {scenario.name:6} {name:27} {run.rps:9.1f}/s  p50 {run.p50:8.2f} ms  "
                f"p99 {run.p99:8.2f} ms  {run.cpu_us:9.1f} µs"
            )


def _patient(scenario: Scenario, system: System) -> Scenario:
    return replace(scenario, warmup=3.0, seconds=scenario.seconds * 1.5) if system.slow else scenario


@contextmanager
def _running(program: Program) -> Iterator[Program]:
    try:
        yield program
    finally:
        program.end()


def say(text: str) -> None:
    """Progress, beside the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
