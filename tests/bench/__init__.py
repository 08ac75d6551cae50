"""How fast, measured: `scripts/bench`.

The gateway under test has core 0 to itself, the upstream and the load driver (both C, compiled here) core 1. All
systems are up at once; whoever is not being measured is stopped by signal. Rounds interleave the systems, figures are
medians over rounds, and what is compared is always a ratio within one run.

`process` programs and their cost, `load` the C programs, `ours` and `unrecorded` our server, `peers` the others,
`measure` the interleaving, `conditions` what else ran, `figures` the targets, `report` what is printed and written.
"""
