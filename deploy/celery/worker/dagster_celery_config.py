"""Settings of a worker, which dagster-celery looks for by this module's name.

A task is one run of one bucket. It is acknowledged when it ended, so that a worker's death gives it back to the broker.
"""

import os

broker_url = os.environ["DAGSTER_CELERY_BROKER"]
result_backend = None
task_ignore_result = True

task_acks_late = True
task_reject_on_worker_lost = True
worker_prefetch_multiplier = 1  # what a busy worker has fetched no idle one can do

broker_heartbeat = 20  # seconds; a worker that was cut off is given up after two of them
broker_connection_retry_on_startup = True
broker_connection_max_retries = None  # a broker that is out comes back; the worker waits for it
worker_cancel_long_running_tasks_on_connection_loss = False  # the run needs no broker: it goes on, and ends well

worker_max_tasks_per_child = 64  # a process that lives for ever would keep every library's leak
