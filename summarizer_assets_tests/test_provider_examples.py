"""Every example of docs/own-provider.md works as written, against a server that behaves as that provider does.

How each behaves is from its own pages, its SDKs and its users' reports, as stored in November 2026; nothing was called.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import pytest
from dotenv import dotenv_values

from summarizer_assets.installation import Summarizer
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.settings import PREFIX, load_settings
from summarizer_assets.settings.protocols import protocol_of
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets_tests.fake_provider import (
    ContentFake,
    Fake,
    MessagesFake,
    detailed_usage,
    plain_usage,
    serving_fake,
)
from testing.documents import REPOSITORY
from testing.installation import write_authors

PAGE = REPOSITORY / "docs/own-provider.md"
AUTHORS = 7
VARIABLES = tuple(f"{PREFIX}LLM_{name}" for name in ("BASE_URL", "MODEL", "API_KEY", "EXTRA_BODY", "PROTOCOL"))
URL, MODEL, KEY, EXTRA, PROTOCOL = VARIABLES
NEW_NAME, OLD_NAME = frozenset({"max_completion_tokens"}), frozenset({"max_tokens"})
ACCOUNT = "0123456789abcdef0123456789abcdef"


def listed(*entries: Any) -> Any:
    return {"object": "list", "data": list(entries)}


# Errors in the providers' own forms.


def azure(status: int, message: str, _param: str | None) -> Any:
    return {"error": {"code": str(status), "message": message}}


def google(status: int, message: str, _param: str | None) -> Any:
    name = "NOT_FOUND" if status == 404 else "INVALID_ARGUMENT"
    return [{"error": {"code": status, "message": message, "status": name}}]


def mistral(_status: int, message: str, param: str | None) -> Any:
    forbidden = {"type": "extra_forbidden", "loc": ["body", param], "msg": "Extra inputs are not permitted"}
    said = message if param is None else {"detail": [forbidden]}
    return {"object": "error", "message": said, "type": "invalid_request_error", "param": None, "code": None}


def fastapi(_status: int, message: str, _param: str | None) -> Any:
    return {"detail": message}


def openrouter(status: int, message: str, _param: str | None) -> Any:
    return {"error": {"code": status, "message": message, "metadata": {}}, "user_id": "u"}


def github(status: int, message: str, _param: str | None) -> Any:
    code = {413: "tokens_limit_reached", 404: "unknown_model"}.get(status, "bad_request")
    return {"error": {"code": code, "message": message, "details": message}}


def cloudflare(status: int, message: str, _param: str | None) -> Any:
    return {"result": None, "success": False, "errors": [{"code": 7000 + status, "message": message}], "messages": []}


def bedrock(_status: int, message: str, _param: str | None) -> Any:
    return {"message": message}


def databricks(status: int, message: str, _param: str | None) -> Any:
    return {"error_code": "ENDPOINT_NOT_FOUND" if status == 404 else "BAD_REQUEST", "message": message}


def vllm(status: int, message: str, param: str | None) -> Any:
    return {"error": {"message": message, "type": "BadRequestError", "param": param, "code": status}}


# Usages that are not the plain one.


def thinking_apart(asked: int, said: int) -> dict[str, Any]:
    """Gemini's: what it thought is in the total alone."""
    return {**plain_usage(asked, said), "total_tokens": asked + said + 100}


def deepseek_usage(asked: int, said: int) -> dict[str, Any]:
    hit = {"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": asked - 64}
    return {**detailed_usage(asked, said), **hit, "prompt_tokens_details": {"cached_tokens": 64}}


def timed_usage(asked: int, said: int) -> dict[str, Any]:
    times = {"queue_time": 0.01, "prompt_time": 0.02, "completion_time": 0.4, "total_time": 0.42}
    return {**plain_usage(asked, said), **times}


def priced_usage(asked: int, said: int) -> dict[str, Any]:
    return {**detailed_usage(asked, said), "cost": 0.00042, "is_byok": False}


def sonar_usage(asked: int, said: int) -> dict[str, Any]:
    return {
        **plain_usage(asked, said),
        "search_context_size": "low",
        "cost": {"total_cost": 0.005, "request_cost": 0.004},
    }


THOUGHTLESS = {"reasoning_effort": "none"}
FILTERED = {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}
#: By the page's heading, in the order of its examples.
PROVIDERS: dict[str, list[Fake]] = {
    "OpenAI": [
        Fake(
            bounds=NEW_NAME,
            needs=THOUGHTLESS,
            usage=detailed_usage,
            models=listed({"id": "gpt-6-luna", "object": "model", "owned_by": "system", "shutdown_date": None}),
            extra={"service_tier": "default", "system_fingerprint": None},
        ),
        Fake(
            bounds=NEW_NAME,
            needs={**THOUGHTLESS, "service_tier": "flex"},
            usage=detailed_usage,
            models=listed({"id": "gpt-6-luna", "shutdown_date": None}),
            extra={"service_tier": "flex"},
        ),
    ],
    "Azure OpenAI": [
        Fake(
            path="/openai/v1",
            bounds=NEW_NAME,
            error=azure,
            usage=detailed_usage,
            extra=FILTERED,
            models=listed({"id": "gpt-6-luna", "deprecation": {"inference": 4070908800}, "lifecycle_status": "stable"}),
        ),
        Fake(
            path="/openai/deployments/my-deployment",
            query={"api-version": "2024-10-21"},
            header="api-key",
            error=azure,
            usage=detailed_usage,
            extra=FILTERED,
        ),
    ],
    "Google Gemini": [
        ContentFake(
            needs={"thinkingConfig": {"thinkingBudget": 0}},
            models={"models": [{"name": "models/gemini-2.5-flash-lite", "displayName": "x"}]},
        ),
        Fake(
            path="/v1beta/openai",
            needs=THOUGHTLESS,
            error=google,
            usage=thinking_apart,
            models=listed({"id": "models/gemini-2.5-flash-lite", "object": "model", "owned_by": "google"}),
        ),
    ],
    "Google Vertex AI": [
        Fake(path="/v1/projects/my-project/locations/global/endpoints/openapi", error=google, usage=thinking_apart)
    ],
    "Anthropic": [
        MessagesFake(
            needs={"thinking": {"type": "disabled"}},
            models={"data": [{"type": "model", "id": "claude-haiku-5-5", "lifecycle": "active"}], "has_more": False},
        ),
        MessagesFake(needs={"thinking": {"type": "disabled"}}),
    ],
    "Mistral": [
        Fake(
            bounds=OLD_NAME,
            error=mistral,
            models=listed({"id": "mistral-small-2603", "aliases": ["mistral-small-latest"], "deprecation": None}),
        )
    ],
    "DeepSeek": [
        Fake(
            path="",
            bounds=OLD_NAME,
            formats=frozenset({"json_object"}),
            needs={"thinking": {"type": "disabled"}},
            usage=deepseek_usage,
            models=listed({"id": "deepseek-flash", "object": "model", "owned_by": "deepseek"}),
        )
    ],
    "Groq": [
        Fake(
            path="/openai/v1",
            needs={"service_tier": "flex", "reasoning_effort": "low"},
            usage=timed_usage,
            models=listed({"id": "openai/gpt-oss-20b", "active": True, "context_window": 131072}),
            extra={"service_tier": "flex", "x_groq": {"id": "req_1"}},
        )
    ],
    "Together AI": [
        Fake(models=[{"id": "openai/gpt-oss-20b", "object": "model", "type": "chat"}], extra={"prompt": []})
    ],
    "Fireworks AI": [Fake(path="/inference/v1", models=listed({"id": "accounts/fireworks/models/gpt-oss-20b"}))],
    "DeepInfra": [
        Fake(
            path="/v1/openai",
            error=fastapi,
            usage=lambda asked, said: {**plain_usage(asked, said), "estimated_cost": 0.00002},
            models=listed({"id": "meta-llama/Meta-Llama-3.1-8B-Instruct", "metadata": {"context_length": 131072}}),
        )
    ],
    "W&B Inference": [Fake(models=listed({"id": "openai/gpt-oss-20b"}))],
    "OpenRouter": [
        Fake(
            path="/api/v1",
            needs={"provider": {"require_parameters": True}},
            error=openrouter,
            usage=priced_usage,
            models={"data": [{"id": "openai/gpt-6-luna", "expiration_date": None, "pricing": {"prompt": "0.0000001"}}]},
            extra={"provider": "OpenAI"},
        )
    ],
    "GitHub Models": [Fake(path="/inference", error=github, most_input=8000, most_output=4000)],
    "Perplexity": [
        Fake(
            path="",
            formats=frozenset({"json_schema"}),
            needs={"disable_search": True},
            usage=sonar_usage,
            extra={"citations": [], "search_results": []},
        )
    ],
    "Cloudflare Workers AI": [Fake(path=f"/client/v4/accounts/{ACCOUNT}/ai/v1", error=cloudflare)],
    "Cloudflare AI Gateway": [Fake(path=f"/v1/{ACCOUNT}/my-gateway/compat", error=cloudflare)],
    "Amazon Bedrock": [Fake(path="/openai/v1", error=bedrock, extra={"service_tier": "default"})],
    "Databricks": [
        Fake(path="/serving-endpoints", error=databricks, bounds=OLD_NAME),
        Fake(path="/mlflow/v1", error=databricks, bounds=OLD_NAME),
    ],
    "vLLM": [
        Fake(header=None, error=vllm, usage=plain_usage, models=listed({"id": "my-model", "max_model_len": 8192}))
    ],
    "Ollama": [Fake(header=None, models=listed({"id": "llama3.1:8b", "owned_by": "library"}))],
}


def examples() -> Iterator[tuple[str, int, dict[str, str]]]:
    """Heading, place and settings of each example. One without a URL of its own goes on from the one before."""
    heading, before, place = "", {}, 0
    for title, block in re.findall(r"^### ([^\n]+)$|^```ini\n(.*?)^```$", providers_part(), re.MULTILINE | re.DOTALL):
        if title:
            heading, before, place = title, {}, 0
            continue
        given = dict(line.split("=", 1) for line in block.splitlines())
        before = given if URL in given else {**before, **given}
        yield heading, place, before
        place += 1


def providers_part() -> str:
    return PAGE.read_text(encoding="utf-8").partition("## Providers\n")[2].partition("## Limits\n")[0]


EXAMPLES = list(examples())
TABLE = re.findall(r"^\| ([^|]+) \| `(https?://[^`]+)` \|", providers_part(), re.MULTILINE)


def test_every_example_has_its_server_and_every_server_its_example() -> None:
    found: dict[str, int] = {}
    for heading, _, _ in EXAMPLES:
        found[heading] = found.get(heading, 0) + 1
    assert found == {heading: len(fakes) for heading, fakes in PROVIDERS.items()}
    assert len(TABLE) > 10


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_authors(tmp_path_factory.mktemp("source") / "authors.parquet", AUTHORS)


def on_loopback(url: str, served: str) -> str:
    """The example's own URL, with the loopback's scheme and host."""
    mine, theirs = urlsplit(served), urlsplit(url)
    return urlunsplit((mine.scheme, mine.netloc, theirs.path, theirs.query, ""))


def run(given: dict[str, str], served: Fake, source: Path, folder: Path) -> tuple[Summarizer, dict[str, Any]]:
    """A bucket's run with the example as its `.env`; what it told."""
    file = folder / ".env"
    lines = {**given, URL: on_loopback(given[URL], served.url)}
    if (protocol := protocol_of(None, given[URL])) is not OPENAI_CHAT:
        lines[PROTOCOL] = protocol.name  # which the host told, that is another here
    file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
    assert dotenv_values(file) == lines
    root = str(folder / "root")
    summarizer = Summarizer(load_settings(file, root=root, source=str(source), buckets=1))
    tables = summarizer.tables
    persist(tables.authors, summarizer.ingest(["0000"], log=lambda _: None, describe=lambda *_: None))
    with summarizer.bucket_run("0000", "run1", log=lambda _: None) as made:
        summaries, failures = made.summaries, made.failures
        persist(tables.summaries, summaries)
        told = dict(summaries.metadata())
        persist(tables.failures, failures)
        made.finish()
    assert made.stop is None
    return summarizer, told


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("heading", "place", "given"), EXAMPLES, ids=[f"{one[0]} {one[1]}" for one in EXAMPLES])
def test_an_example_works_as_written(
    heading: str, place: int, given: dict[str, str], source: Path, tmp_path: Path
) -> None:
    behaviour = replace(PROVIDERS[heading][place], key=given.get(KEY), model=given[MODEL], refused=[], asked=[])
    with serving_fake(behaviour) as served:
        summarizer, told = run(given, served, source, tmp_path)
    assert served.refused == []
    assert (told["summaries"], told["failed"], told["pending"]) == (AUTHORS, 0, 0)
    rows = summarizer.tables.summaries.read().collect()
    assert rows["response_model"].unique().to_list() == [given[MODEL]]
    assert (rows["prompt_tokens"].sum() or 0) > 0
    if summarizer.price is not None and not summarizer.price.free:
        assert rows["cost_usd"].sum() == pytest.approx(told["spent_usd"], abs=1e-12)
        assert summarizer.ledger.audit() == []


@pytest.mark.parametrize(("heading", "url"), TABLE, ids=[heading for heading, _ in TABLE])
def test_a_base_of_the_table_leads_to_the_path_that_its_provider_documents(
    heading: str, url: str, source: Path, tmp_path: Path
) -> None:
    parts = urlsplit(url)
    header = "api-key" if "api-version" in parts.query else "authorization"
    fake = Fake(path=parts.path, query=dict(parse_qsl(parts.query)), header=header, key="k", model=heading)
    with serving_fake(fake) as served:
        _, told = run({URL: url, MODEL: heading, KEY: "k"}, served, source, tmp_path)
    assert served.refused == []
    assert told["summaries"] == AUTHORS


def test_the_servers_are_as_particular_as_they_say() -> None:
    """A wrong path, header, query, model, bound or format would be seen."""
    fake = Fake(path="/x", query={"v": "1"}, bounds=NEW_NAME, formats=frozenset(), key="k", model="m")
    good = json.dumps({"model": "m", "messages": [{"role": "user", "content": ""}]}).encode()
    head = {"authorization": "Bearer k"}
    assert fake.post("/x/chat/completions?v=1", head, good)[0] == 200
    assert fake.post("/v1/chat/completions?v=1", head, good)[0] == 404
    assert fake.post("/x/chat/completions", head, good)[0] == 404
    assert fake.post("/x/chat/completions?v=1", {"api-key": "k"}, good)[0] == 401
    for wrong in ({"model": "n"}, {"max_tokens": 5}, {"response_format": {"type": "json_schema"}}):
        body = json.dumps({**json.loads(good), **wrong}).encode()
        assert fake.post("/x/chat/completions?v=1", head, body)[0] in {400, 404}, wrong
