"""Get resolved winnings back: `REDEMPTION_RESULT`.

`python -m redeemer` watches what is held and enqueues what resolved; `python -m redeemer.worker` runs those jobs;
`composition.build_inline` is both on one thread, for a process that runs everything.
"""
