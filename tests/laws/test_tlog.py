"""The transparency log against the recursive definitions of RFC 6962, and against published vectors."""

import base64
import hashlib
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit.tlog.checkpoint import Checkpoint, parse_checkpoint
from app.audit.tlog.merkle import (
    Frontier,
    consistency_path,
    inclusion_path,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from app.audit.tlog.note import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, ED25519, parse_key, parse_note
from app.audit.tlog.signing import SeedSigner, signed, verified, verify
from app.audit.tlog.tiles import (
    Edge,
    Tile,
    decode_bundle,
    encode_bundle,
    node_in_tiles,
    parse_tile_path,
    places_for,
    root_at,
    tiles_of,
)
from app.audit.tlog.witness import parse_request, render_request
from app.core.errors import ProofError

VECTORS = Path(__file__).parent / "vectors"

# The eight leaves and the roots over the first n of them that certificate-transparency implementations share.
RFC_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
RFC_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.integers(1, 700)


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_consistency(m: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 6962 2.1.2."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_consistency(m, leaves[:k], whole=whole), naive_root(leaves[k:])]
    return [*naive_consistency(m - k, leaves[k:], whole=False), naive_root(leaves[:k])]


def entries(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def tiled(leaves: list[bytes], cuts: list[int]) -> tuple[Edge, dict[tuple[int, int], bytes]]:
    """The tree as the sealer makes it: leaf hashes in batches, each time from what is stored."""
    tiles: dict[tuple[int, int], bytes] = {}
    edge = Edge()
    places = sorted({0, len(leaves), *(cut % (len(leaves) + 1) for cut in cuts)})
    for begin, end in pairwise(places):
        tiles |= edge.extend(b"".join(map(leaf_hash, leaves[begin:end])))
        edge = Edge(end, tiles)
    return edge, tiles


def flipped(data: bytes, bit: int) -> bytes:
    bit %= len(data) * 8
    return bytes(byte ^ (1 << bit % 8 if number == bit // 8 else 0) for number, byte in enumerate(data))


def test_roots_of_the_published_trees() -> None:
    frontier = Frontier()
    assert frontier.root().hex() == RFC_ROOTS[0]
    for leaf, root in zip(RFC_LEAVES, RFC_ROOTS[1:], strict=True):
        frontier.append(leaf_hash(leaf))
        assert frontier.root().hex() == root


@given(SIZES, st.lists(st.integers(0, 700), max_size=5))
def test_every_way_to_build_a_tree_gives_the_root_of_rfc_6962(size: int, cuts: list[int]) -> None:
    leaves = entries(size)
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf_hash(leaf))
    edge, tiles = tiled(leaves, cuts)
    expected = naive_root(leaves)
    assert (frontier.root(), edge.root(), root_at(size, node_in_tiles(tiles))) == (expected,) * 3
    assert {(tile.level, tile.index): tile.width * 32 for tile in tiles_of(size)} == {
        place: len(data) for place, data in tiles.items()
    }


@given(SIZES, st.data())
def test_inclusion_proofs_are_those_of_rfc_6962_and_verify(size: int, data: st.DataObject) -> None:
    leaves = entries(size)
    index = data.draw(st.integers(0, size - 1))
    _, tiles = tiled(leaves, [])
    needed = places_for(lambda node: inclusion_path(index, size, node))
    path = inclusion_path(index, size, node_in_tiles({place: tiles[place] for place in needed}))
    root = naive_root(leaves)
    assert path == naive_path(index, leaves)
    verify_inclusion(leaf_hash(leaves[index]), index, size, path, root)
    bit = data.draw(st.integers(0, 10_000))
    for leaf, place, where, proof, head in (
        (leaf_hash(leaves[index] + b"x"), index, size, path, root),
        (leaf_hash(leaves[index]), index, size, path, flipped(root, bit)),
        (leaf_hash(leaves[index]), index, size, [*path, root], root),
        *(
            (leaf_hash(leaves[index]), index, size, [*path[:i], flipped(one, bit), *path[i + 1 :]], root)
            for i, one in enumerate(path)
        ),
        *((leaf_hash(leaves[index]), (index + 1) % size, size, path, root) for _ in range(size > 1)),
        *((leaf_hash(leaves[index]), index, size, path[:-1], root) for _ in range(bool(path))),
    ):
        with pytest.raises(ProofError):
            verify_inclusion(leaf, place, where, proof, head)


@given(SIZES, st.data())
def test_consistency_proofs_are_those_of_rfc_6962_and_verify(size: int, data: st.DataObject) -> None:
    leaves = entries(size)
    old = data.draw(st.integers(1, size))
    _, tiles = tiled(leaves, [])
    path = consistency_path(old, size, node_in_tiles(tiles))
    before, after = naive_root(leaves[:old]), naive_root(leaves)
    assert path == naive_consistency(old, leaves)
    verify_consistency(old, size, path, before, after)
    bit = data.draw(st.integers(0, 10_000))
    for proof, first, second in (
        (path, flipped(before, bit), after),
        (path, before, flipped(after, bit)),
        ([*path, after], before, after),
        *(([*path[:i], flipped(one, bit), *path[i + 1 :]], before, after) for i, one in enumerate(path)),
        *((path[:-1], before, after) for _ in range(bool(path))),
    ):
        with pytest.raises(ProofError):
            verify_consistency(old, size, proof, first, second)


@given(SIZES, st.data())
def test_the_tree_breaks_under_any_edit_of_an_entry(size: int, data: st.DataObject) -> None:
    leaves = entries(size)
    root = naive_root(leaves)
    place = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1))
    edited = [
        [*leaves[:place], leaves[place] + b"!", *leaves[place + 1 :]],
        [*leaves[:place], *leaves[place + 1 :]],
        [*leaves[:place], b"new", *leaves[place:]],
        leaves[:-1],
    ]
    if place != other:
        swapped = list(leaves)
        swapped[place], swapped[other] = swapped[other], swapped[place]
        edited.append(swapped)
    assert all(tiled(changed, [])[0].root() != root for changed in edited)


@given(st.integers(-1, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_paths_of_tiles_read_back(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_tile_path(tile.path) == tile


def test_paths_of_tiles_are_those_of_the_specification() -> None:
    assert Tile(0, 1_234_067).path == "tile/0/x001/x234/067"
    assert Tile(-1, 5, 112).path == "tile/entries/005.p/112"
    widths = [(tile.level, tile.index, tile.width) for tile in tiles_of(70_000) if tile.width < 256]
    assert widths == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    for wrong in (
        *("tile/0/67", "tile/0/0067", "tile/64/000", "tile/00/000", "tile/0/000.p/256", "tile/0/000.p/0"),
        *("tile/0/x000/001", "tile/0/000/", "/tile/0/000", "tile/0/../000", "tile/-1/000"),
    ):
        with pytest.raises(ProofError):
            parse_tile_path(wrong)


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_of_entries_read_back(found: list[bytes]) -> None:
    data = encode_bundle(found)
    assert decode_bundle(data) == found
    if found:
        with pytest.raises(ProofError):
            decode_bundle(data[:-1])


def test_an_entry_longer_than_two_bytes_can_say_is_refused() -> None:
    assert decode_bundle(encode_bundle([b"x" * 65_535])) == [b"x" * 65_535]
    with pytest.raises(ProofError):
        encode_bundle([b"x" * 65_536])


# --- notes ------------------------------------------------------------------------------------------------------

SEED = bytes(range(32))
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Z", "C"], exclude_characters="+"), min_size=1
).map(lambda text: text[:40])
CHECKPOINTS = st.builds(Checkpoint, NAMES, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))


def test_the_note_of_the_specification_is_read() -> None:
    text = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9"
        "nTo+zyWE+xeMcTOAYQ8=\n"
        "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqh"
        "f5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    )
    note = parse_note(text.encode())
    assert str(note) == text
    assert parse_checkpoint(note.text).size == 20_852_163
    assert note.signatures[0].key.hex() == "033de0ae"
    assert int.from_bytes(note.signatures[1].value[:8], "big") == 1_679_315_147


def test_a_note_signed_by_another_implementation_verifies() -> None:
    """Log by Ed25519 and witness by ML-DSA-44, made by the Go implementation (known-answer data, no code)."""
    vector = json.loads((VECTORS / "c2sp-ml-dsa-44.json").read_text(encoding="utf-8"))
    note = parse_note(vector["cosigned"])
    log, witness = parse_key(vector["log_vkey"]), parse_key(vector["witness_vkey"])
    ours = SeedSigner(
        vector["witness_name"], COSIGNATURE_ML_DSA_44, bytes.fromhex(vector["witness_seed_hex"])
    )
    assert str(ours.key) == vector["witness_vkey"]
    assert note.text == vector["body"]
    assert verified(note, [log, witness]) == [log, witness]
    assert parse_checkpoint(note.text).root.hex() == RFC_ROOTS[8]


@given(CHECKPOINTS, NAMES, st.sampled_from([ED25519, COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44]))
def test_notes_and_keys_read_back_and_verify(checkpoint: Checkpoint, name: str, kind: int) -> None:
    signer = SeedSigner(name, kind, SEED)
    note = signed(str(checkpoint), [signer], seconds=1_700_000_000)
    again = parse_note(str(note).encode())
    assert (again, parse_checkpoint(again.text)) == (note, checkpoint)
    key = parse_key(str(signer.key))
    assert key == signer.key
    assert verify(again, key) == (None if kind == ED25519 else 1_700_000_000)


@given(st.sampled_from([ED25519, COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44]), st.integers(0, 100_000))
def test_any_changed_bit_of_a_signed_checkpoint_is_found(kind: int, bit: int) -> None:
    signer = SeedSigner("log.example/audit", kind, SEED)
    note = signed(str(Checkpoint("log.example/audit", 12, bytes(32))), [signer], seconds=1_700_000_000)
    changed = flipped(str(note).encode(), bit)
    with pytest.raises(ProofError):
        verify(parse_note(changed), signer.key)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n— name\n",
        "text\n\n— name AAAAAAAA",
        "text\n\n- name AAAAAAAA\n",
        "text\n\n— name AAAAAAAA \n",
        "text\n\n— name AAAAAAA\n",
        "text\n\n— name AAAAAB==\n",
        "text\n\n— na+me AAAAAAAA\n",
        "te\rxt\n\n— name AAAAAAAA\n",
        "te\x00xt\n\n— name AAAAAAAA\n",
        "text\n\n" + "— name AAAAAAAA\n" * 65,
    ],
)
def test_a_malformed_note_is_refused(wrong: str) -> None:
    with pytest.raises(ProofError):
        parse_note(wrong.encode())


@pytest.mark.parametrize(
    "lines", ["o\n1\n", "o\n01\n{root}\n", "o\n-1\n{root}\n", "\n1\n{root}\n", "o\n1\n{root}\nmore\n"]
)
def test_a_malformed_checkpoint_is_refused(lines: str) -> None:
    with pytest.raises(ProofError):
        parse_checkpoint(lines.replace("{root}", base64.b64encode(bytes(32)).decode()))


@pytest.mark.parametrize("change", [("+", " "), ("AQ", "Ag"), ("log", "dog")])
def test_a_malformed_verifier_key_is_refused(change: tuple[str, str]) -> None:
    text = str(SeedSigner("log", ED25519, SEED).key)
    with pytest.raises(ProofError):
        parse_key(text.replace(*change, 1))


@given(st.integers(0, 2**60), st.lists(st.binary(min_size=32, max_size=32), max_size=63), CHECKPOINTS)
def test_requests_to_witnesses_read_back(old: int, proof: list[bytes], checkpoint: Checkpoint) -> None:
    note = signed(str(checkpoint), [SeedSigner("log", ED25519, SEED)], seconds=0)
    request = parse_request(render_request(old, proof, note))
    assert (request.old, list(request.proof), request.note) == (old, proof, note)
    assert request.checkpoint == checkpoint


@pytest.mark.parametrize(
    "head", ["old 01", "old", "new 1", "old 1\nx", "old 1\nAAAA", "old 1" + "\n" + "A" * 43 + "="]
)
def test_a_malformed_request_to_a_witness_is_refused(head: str) -> None:
    note = signed(str(Checkpoint("log", 1, bytes(32))), [SeedSigner("log", ED25519, SEED)], seconds=0)
    sound = parse_request(f"old 1\n\n{note}".encode())
    assert sound.old == 1
    with pytest.raises(ProofError):
        parse_request(f"{head}\n\n{note}".encode() if head.count("A") < 40 else f"{head}\n{note}".encode())
