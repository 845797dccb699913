"""Hidden usage: tokens billed beyond what a request allows, for a provider's own prompt or excessive reasoning."""

import json

from summarizer_assets.rehearsal.chance import draw
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.right_answers import Right

_BOUNDS = ("max_completion_tokens", "max_tokens")


def with_hidden(right: Right, request: bytes, plan: Plan, before: int) -> Right:
    """`right` with hidden usage billed and reported, if the plan has any after `before` answers; else unchanged."""
    if plan.hidden_times is None or before < plan.hidden_after_answers:
        return right
    if draw(plan.seed, "hidden", str(before)) >= plan.hidden_share:
        return right
    times = plan.hidden_times
    if plan.hidden_spread:
        times = 1 + (times - 1) * draw(plan.seed, "times", str(before))
    asked = json.loads(request)
    most = next((asked[name] for name in _BOUNDS if name in asked), right.completion_tokens)
    prompt = right.prompt_tokens if plan.hidden_of == "output" else round(times * len(request))
    completion = right.completion_tokens if plan.hidden_of == "prompt" else round(times * most)
    completion_body = json.loads(right.body)
    completion_body["usage"] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    return right._replace(
        body=json.dumps(completion_body, separators=(",", ":")).encode(),
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=0,
        written_tokens=0,
    )
