"""A batch service in OpenAI's form, with what its users met: checks that come late, files and jobs that show late.

calls (HTTP) -> service (accounts, limits, time) -> jobs (a job's states) -> input_file, results (lines in and out)
"""
