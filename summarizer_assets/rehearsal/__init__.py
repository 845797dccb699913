"""A provider that fails on purpose, to rehearse what the real ones do.

plan (rules as data) -> course (what a plan decides, request by request) -> provider (the reply) -> http_server
"""
