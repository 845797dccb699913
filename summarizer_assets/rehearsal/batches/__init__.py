"""A batch service in several providers' words, with what its users met: checks that come late, jobs that show late.

calls (HTTP) -> a dialect, see `dialect` (openai_form, message_batches, gemini_jobs) -> service (accounts, limits, time)
-> jobs (a job's states) -> job_form (lines in and out)
"""
