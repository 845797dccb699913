"""The parts of one bucket's run, which `pipeline` puts together.

stock (what is there to do) -> prompting (bodies of requests) -> asking (in an engine's thread) -> outcomes -> accounts
"""
