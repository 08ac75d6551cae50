"""Points where a test build kills itself: what a power cut at exactly this step would do.

    if __debug__:
        crash.at("record.after_commit")

`SALLYPORT_CRASH_AT=record.after_commit` names the point, `…:3` its third visit. Every call stands under
`if __debug__:`, so the release bundle (`optimize=2`) holds neither calls nor names, and refuses the variable as an
unknown setting. Each point stands in points.py and is visited by a test in tests/faults; house tests compare.
"""

if __debug__:
    from app.core.crash.points import POINTS, VARIABLE, at

    __all__ = ["POINTS", "VARIABLE", "at"]
