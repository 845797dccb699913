"""The sensor that requests the runs which a materialisation of `failure_redrive` ordered, some at each tick."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import dagster as dg

from summarizer_assets.assets.failure_redrive import FAILURE_REDRIVE, LAUNCH_REDRIVES, ORDER
from summarizer_assets.core.redrive_order import RedriveOrder
from summarizer_assets.names import Names
from summarizer_assets.quality.names import SUMMARIES
from summarizer_assets.storage.roots import RUN_MARK

_AT_ONCE = 100  # materialisations read at a time


@dataclass(frozen=True)
class Memory:
    """The sensor's cursor. `after`: storage id of the last materialisation that was dealt with.

    `launched`: so many buckets of the next one have their run. A run key is used only once, so losing the cursor starts
    no run a second time.
    """

    after: int = 0
    launched: int = 0

    @classmethod
    def of(cls, cursor: str | None) -> "Memory":
        return cls(**json.loads(cursor)) if cursor else cls()


def build_launch_redrives(names: Names, job: str, *, interval_s: int, runs_per_tick: int) -> dg.SensorDefinition:
    @dg.sensor(
        name=names.of(LAUNCH_REDRIVES),
        job_name=names.of(job),
        required_resource_keys={names.summarizer},
        minimum_interval_seconds=interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the runs that a materialisation of `failure_redrive` with `spend: true` ordered: one for "
        "each bucket with such failures. It starts nothing else.",
    )
    def launch_redrives(context: dg.SensorEvaluationContext, **_: object) -> dg.SensorResult:
        summarizer = names.summarizer_of(context)
        memory = Memory.of(context.cursor)
        requests: list[dg.RunRequest] = []
        for storage_id, run_id, order in _orders(context.instance, names.asset(FAILURE_REDRIVE), memory.after):
            if order is not None and order.root == summarizer.root.mark:
                left = order.buckets[memory.launched :]
                part = left[: runs_per_tick - len(requests)]
                requests += [_request(run_id, bucket, order, names.op(SUMMARIES)) for bucket in part]
                if len(part) < len(left):
                    memory = replace(memory, launched=memory.launched + len(part))
                    break
            memory = Memory(storage_id)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else "nothing was ordered",
            cursor=json.dumps(asdict(memory)),
        )

    return launch_redrives


def _orders(
    instance: dg.DagsterInstance, asset: dg.AssetKey, after: int
) -> Iterator[tuple[int, str, RedriveOrder | None]]:
    """The materialisations since, oldest first; None: without an order."""
    wanted = dg.AssetRecordsFilter(asset_key=asset, after_storage_id=after)
    for record in instance.fetch_materializations(wanted, limit=_AT_ONCE, ascending=True).records:
        made = record.asset_materialization
        order = None if made is None else made.metadata.get(ORDER)
        yield record.storage_id, record.run_id, None if order is None else RedriveOrder.of_json(_json(order))


def _json(order: dg.MetadataValue[Any]) -> dict[str, Any]:
    assert isinstance(order, dg.JsonMetadataValue), "the asset writes it so"
    assert isinstance(order.data, dict), "the same"
    return order.data


def _request(order_run: str, bucket: str, order: RedriveOrder, op: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{order_run}:{bucket}",
        partition_key=bucket,
        run_config={"ops": {op: {"config": order.config}}},
        tags={RUN_MARK: order.root, "summarizer/redrive": order_run},
    )
