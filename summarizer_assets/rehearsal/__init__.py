"""A provider that fails on purpose, to rehearse what the real ones do: one reply function behind two doors.

plan (rules as data) -> course (what a plan decides, request by request) -> provider (the reply) -> asgi or wire
"""
