"""The words everyone shares; standard library and msgspec only.

Call       who asks for what, through which door        (call.py)
Principal  who it turned out to be                      (principal.py)
Decision   permit or forbid, with reason and rules      (verdict.py)
Passage    proof of admission, carried to the upstream  (passage.py)
Usage      tokens and microdollars of one call          (usage.py)
Around them: ids, clock, strict JSON, canonical bytes, errors, paths, and the crash points of test builds (crash/).
"""
