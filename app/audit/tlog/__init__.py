"""The transparency log as mathematics and text: no input, no output, no clock (RFC 6962, RFC 9162, C2SP).

merkle.py      leaf and node hashes, roots, inclusion and consistency proofs
tiles.py       the tree cut into tiles of 256 hashes, their paths, bundles of entries      (c2sp.org/tlog-tiles)
note.py        signed notes, verifier keys                                                 (c2sp.org/signed-note)
signing.py     the signatures on notes: Ed25519, and cosignatures of both kinds        (c2sp.org/tlog-cosignature)
checkpoint.py  origin, size, root                                                      (c2sp.org/tlog-checkpoint)
witness.py     the body of add-checkpoint                                                 (c2sp.org/tlog-witness)
"""
