"""A fault-injecting provider, and a rehearsal of the whole job against it.

plan (rules as data) -> plan_state (its decision for each request) -> provider (the reply) -> http_server
"""
