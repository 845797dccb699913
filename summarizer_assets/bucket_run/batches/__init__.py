"""A bucket's run by a provider's batch jobs: submit and end; a later run collects.

look (what the provider says) -> collect (results to outcomes) -> submit (the next job) -> route (all of it)
"""
