"""One bucket's run, from end to end.

run: work (what there is to do, and the claim) -> changes (a route asks, answers become commits) -> settle (what stands)
route: online (an event loop's thread) -> ask -> scheduler, refusals, brake; bodies of requests come from prompts
"""
