"""The batch service, driven by the official client of its form, with a clock that only the test moves."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest
from openai.types import Batch, FileObject

from summarizer_assets.rehearsal.batches.openai_form import read_form
from summarizer_assets.rehearsal.batches.terms import CALLS, BadLine, BatchTerms, CallFault
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.rehearsal.sockets import records
from testing.provider import answer, control, request_for, serving

ENDPOINT = "/v1/chat/completions"
SLOW = BatchTerms(validating_s=10, running_s=100, finalizing_s=5)


class Bench:
    """A served provider and a client of it. Time stands still until `wait`."""

    def __init__(self, provider: FaultyProvider, url: str) -> None:
        self.provider = provider
        self.url = url
        self.client = self.client_of("sk-one")

    def client_of(self, key: str, max_retries: int = 0) -> openai.OpenAI:
        return openai.OpenAI(api_key=key, base_url=self.url, max_retries=max_retries)

    def wait(self, seconds: float) -> None:
        self.provider.batches.advance(seconds)

    def upload(self, content: bytes, **more: Any) -> FileObject:
        return self.client.files.create(file=("requests.jsonl", content), purpose="batch", **more)

    def create(self, file_id: str, **more: Any) -> Batch:
        return self.client.batches.create(input_file_id=file_id, endpoint=ENDPOINT, completion_window="24h", **more)

    def submit(self, content: bytes, **more: Any) -> Batch:
        return self.create(self.upload(content).id, **more)

    def look(self, job: Batch) -> Batch:
        return Batch.model_validate(self.client.batches.retrieve(job.id).to_dict(), strict=True)

    def lines(self, file_id: str | None) -> list[dict[str, Any]]:
        assert file_id is not None
        return [json.loads(line) for line in self.client.files.content(file_id).text.splitlines()]

    def results(self, job: Batch) -> dict[str, int | str]:
        """Each line's status, or its error's code."""
        found = self.look(job)
        files = [file_id for file_id in (found.output_file_id, found.error_file_id) if file_id]
        lines = [line for file_id in files for line in self.lines(file_id)]
        told = [(line["custom_id"], line["response"], line["error"]) for line in lines]
        return {
            custom_id: response["status_code"] if response else error["code"] for custom_id, response, error in told
        }


@contextmanager
def bench(terms: BatchTerms = SLOW, *rules: Rule) -> Iterator[Bench]:
    plan = Plan(batch=terms, rules=rules)
    provider = FaultyProvider(answer, plan, time_of_day=lambda: 1_800_000_000.0)
    with serving(provider) as url:
        yield Bench(provider, url)


def line(custom_id: str, *authors: str, **fields: Any) -> dict[str, Any]:
    body = json.loads(request_for(*records(*(authors or (f"a{custom_id}",)))))
    return {"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body, **fields}


def file_of(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def of(count: int) -> bytes:
    return file_of(*(line(f"k-{number}") for number in range(count)))


# What goes well.


def test_a_job_goes_through_its_states_and_answers_every_line_once_in_an_order_of_its_own():
    with bench() as it:
        job = it.submit(of(30), metadata={"key": "k"})
        seen = []
        for seconds in (0, 10, 50, 50, 5):
            it.wait(seconds)
            found = it.look(job)
            assert found.request_counts is not None
            seen.append((found.status, found.request_counts.total, found.request_counts.completed))
        assert seen == [
            ("validating", 0, 0),
            ("in_progress", 30, 0),
            ("in_progress", 30, 15),
            ("finalizing", 30, 30),
            ("completed", 30, 30),
        ]
        lines = it.lines(found.output_file_id)
        assert found.error_file_id is None
        assert found.metadata == {"key": "k"}
        order = [one["custom_id"] for one in lines]
        assert sorted(order) == sorted(f"k-{number}" for number in range(30))
        assert order != [f"k-{number}" for number in range(30)]
        by_id = {one["custom_id"]: one["response"]["body"] for one in lines}
        assert by_id["k-7"]["choices"] == json.loads(answer(json.dumps(line("k-7")["body"]).encode()))["choices"]
        assert found.usage is not None
        told = sum(one["usage"]["prompt_tokens"] for one in by_id.values())
        bill = it.provider.batches.bill
        assert found.usage.input_tokens == told == sum(one.prompt_tokens for one in bill)
        assert sorted(one.ids for one in bill) == sorted((f"ak-{number}",) for number in range(30))


def test_lines_that_fail_are_in_the_other_file_and_are_not_billed():
    with bench(BatchTerms(), Rule("bad_request", authors=("ak-1",)), Rule("html_page", authors=("ak-2",))) as it:
        job = it.submit(of(4))
        assert it.results(job) == {"k-0": 200, "k-1": 400, "k-2": 500, "k-3": 200}
        found = it.look(job)
        assert {one["custom_id"] for one in it.lines(found.error_file_id)} == {"k-1", "k-2"}
        assert found.request_counts is not None
        assert (found.request_counts.completed, found.request_counts.failed) == (2, 2)
        assert "k-1" not in {one.custom_id for one in it.provider.batches.bill}


def test_where_everything_failed_there_is_no_output_file():
    with bench(BatchTerms(), Rule("bad_request", share=1)) as it:
        found = it.look(it.submit(of(2)))
    assert (found.status, found.output_file_id is None, found.error_file_id is None) == ("completed", True, False)


def test_an_empty_error_file_is_written_where_the_terms_say_so():
    with bench(BatchTerms(empty_error_file=True)) as it:
        found = it.look(it.submit(of(2)))
        assert it.lines(found.error_file_id) == []


# What ends early.


def test_what_is_not_done_in_time_expires_and_what_is_done_is_kept_and_billed():
    with bench(msgspec.structs.replace(SLOW, running_s=200_000)) as it:
        job = it.submit(of(20))
        it.wait(86_400)
        results = it.results(job)
        assert it.look(job).status == "expired"
        done = [custom_id for custom_id, told in results.items() if told == 200]
        assert len(results) == 20
        assert len(done) == int(20 * (86_400 - 10) / 200_000)
        assert {told for told in results.values() if told != 200} == {"batch_expired"}
        assert {one.custom_id for one in it.provider.batches.bill} == set(done)


def test_a_cancelled_job_keeps_what_was_done_and_a_job_that_ended_cannot_be_cancelled():
    with bench(msgspec.structs.replace(SLOW, cancelling_s=60)) as it:
        job = it.submit(of(10))
        it.wait(60)
        assert it.client.batches.cancel(job.id).status == "cancelling"
        it.wait(59)
        assert it.look(job).status == "cancelling"
        it.wait(1)
        assert sorted(map(str, it.results(job).values())) == ["200"] * 5 + ["batch_cancelled"] * 5
        with pytest.raises(openai.ConflictError):
            it.client.batches.cancel(job.id)


# What is checked late.


@pytest.mark.parametrize(
    ("content", "code", "at"),
    [
        (b"\n", "empty_file", None),
        (file_of(line("a")) + b'{"custom_id": \n', "invalid_json_line", 2),
        (file_of(line("a"), line("b"), line("a")), "duplicate_custom_id", 3),
        (file_of(line("a", url="/v1/embeddings")), "url_mismatch", 1),
        (file_of(line("a"), line("b", body={"model": "other", "messages": []})), "model_mismatch", 2),
        (of(6), "too_many_tasks", None),
        (file_of({"custom_id": "a"}), "missing_required_parameter", 1),
    ],
)
def test_a_job_is_made_of_any_file_and_fails_when_it_is_validated(content, code, at):
    with bench(msgspec.structs.replace(SLOW, most_requests=5)) as it:
        job = it.submit(content)
        assert job.status == "validating"
        it.wait(10)
        found = it.look(job)
        assert found.status == "failed"
        assert found.errors is not None
        assert found.errors.data is not None
        assert [(one.code, one.line) for one in found.errors.data] == [(code, at)]
        assert it.provider.batches.bill == []


def test_the_tokens_of_all_live_jobs_of_a_model_are_limited_and_a_job_beyond_fails_after_it_was_made():
    tokens = len(request_for(*records("ak-0"))) // 4
    with bench(msgspec.structs.replace(SLOW, enqueued_tokens=8 * tokens)) as it:
        first, second = it.submit(of(5)), it.submit(of(5))
        it.wait(10)
        assert [it.look(first).status, it.look(second).status] == ["in_progress", "failed"]
        found = it.look(second)
        assert found.errors is not None
        assert found.errors.data is not None
        assert found.errors.data[0].code == "token_limit_exceeded"
        it.wait(105)
        third = it.submit(of(5))
        it.wait(10)
        assert it.look(third).status == "in_progress"


def test_limits_that_show_at_once_refuse_the_call():
    terms = BatchTerms(most_bytes=1000, most_files=1, jobs_an_hour=2)
    with bench(terms) as it:
        with pytest.raises(openai.BadRequestError, match="too large"):
            it.upload(b"x" * 1001)
        file = it.upload(file_of(line("a")))
        with pytest.raises(openai.BadRequestError, match="Too many files"):
            it.upload(b"{}")
        lasting = it.upload(b"{}", expires_after={"anchor": "created_at", "seconds": 3600})
        assert lasting.expires_at == lasting.created_at + 3600
        for _ in range(2):
            it.create(file.id)
        with pytest.raises(openai.RateLimitError):
            it.create(file.id)
        it.wait(3600)
        it.create(file.id)
        with pytest.raises(openai.NotFoundError):
            it.client.files.retrieve(lasting.id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_file_id": "file-none"},
        {"completion_window": "48h"},
        {"endpoint": "/v1/embeddings"},
        {"metadata": {"k": "v" * 513}},
        {"metadata": {str(number): "v" for number in range(17)}},
    ],
)
def test_what_the_call_itself_gets_wrong_is_refused_at_once(wrong):
    with bench() as it:
        right = {"input_file_id": it.upload(of(1)).id, "endpoint": ENDPOINT, "completion_window": "24h"}
        with pytest.raises(openai.BadRequestError):
            it.client.batches.create(**{**right, **wrong})
        assert it.provider.batches.jobs() == []


# What shows late.


def test_a_fresh_file_is_denied_to_a_job_and_is_in_no_list():
    with bench(msgspec.structs.replace(SLOW, readable_after_s=5, listed_after_s=20)) as it:
        file = it.upload(of(1))
        assert it.client.files.retrieve(file.id).filename == "requests.jsonl"
        with pytest.raises(openai.BadRequestError, match="no file"):
            it.create(file.id)
        it.wait(5)
        job = it.create(file.id)
        assert (list(it.client.files.list(purpose="batch")), list(it.client.batches.list())) == ([], [])
        it.wait(20)
        assert [one.id for one in it.client.files.list(purpose="batch")] == [file.id]
        assert [one.id for one in it.client.batches.list()] == [job.id]


def test_the_ids_of_the_files_of_a_completed_job_show_late():
    with bench(BatchTerms(ids_after_s=30)) as it:
        job = it.submit(of(1))
        assert (it.look(job).status, it.look(job).output_file_id) == ("completed", None)
        it.wait(30)
        assert it.results(job) == {"k-0": 200}


def test_results_are_gone_when_their_time_is_over():
    with bench(BatchTerms(kept_s=3600)) as it:
        found = it.look(it.submit(of(1)))
        it.wait(3600)
        with pytest.raises(openai.NotFoundError):
            it.lines(found.output_file_id)


def test_jobs_are_listed_newest_first_in_pages_of_their_own_account():
    with bench() as it:
        file = it.upload(of(1))
        made = []
        for _ in range(5):
            made.append(it.create(file.id).id)
            it.wait(1)
        assert [one.id for one in it.client.batches.list(limit=2)] == made[::-1]
        other = it.client_of("sk-two")
        assert list(other.batches.list()) == []
        with pytest.raises(openai.NotFoundError):
            other.batches.retrieve(made[0])
        with pytest.raises(openai.BadRequestError):
            it.client.batches.list(limit=101)


def test_a_deleted_file_is_gone_and_its_job_goes_on():
    with bench() as it:
        file = it.upload(of(1))
        job = it.create(file.id)
        assert it.client.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError):
            it.client.files.content(file.id)
        it.wait(115)
        assert it.results(job) == {"k-0": 200}


# Calls that go wrong.


@pytest.mark.parametrize(("done", "made"), [(False, 0), (True, 1)])
def test_a_job_may_be_made_although_the_call_answers_504(done, made):
    with bench(BatchTerms(calls=(CallFault("create", "gateway_timeout", done=done),))) as it:
        file = it.upload(of(1))
        with pytest.raises(openai.InternalServerError):
            it.create(file.id)
        assert len(list(it.client.batches.list())) == made


def test_a_client_that_repeats_such_a_call_has_two_jobs_to_pay():
    with bench(BatchTerms(calls=(CallFault("create", "gateway_timeout", done=True),))) as it:
        file = it.upload(of(1))
        again = it.client_of("sk-one", max_retries=2)
        again.batches.create(input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h")
        assert [one.custom_id for one in it.provider.batches.bill] == ["k-0", "k-0"]


def test_a_download_may_break_in_the_middle_and_be_whole_the_next_time():
    with bench(BatchTerms(calls=(CallFault("content", "reset_in_body"),))) as it:
        found = it.look(it.submit(of(3)))
        with pytest.raises(openai.APIConnectionError):
            it.lines(found.output_file_id)
        assert len(it.lines(found.output_file_id)) == 3


def test_a_fault_hits_as_many_calls_as_the_plan_says_from_the_one_it_says():
    with bench(BatchTerms(calls=(CallFault("job", "unauthorized", after=1, times=2),))) as it:
        job = it.submit(of(1))
        outcomes = []
        for _ in range(4):
            try:
                it.look(job)
                outcomes.append(200)
            except openai.AuthenticationError:
                outcomes.append(401)
    assert outcomes == [200, 401, 401, 200]


def test_calls_are_counted_anew_under_another_plan_and_a_job_keeps_the_terms_that_it_was_made_under():
    with bench(SLOW) as it:
        job = it.submit(of(1))
        it.wait(115)
        it.provider.use(Plan(batch=BatchTerms(running_s=10_000, calls=(CallFault("job", "unauthorized"),))))
        with pytest.raises(openai.AuthenticationError):
            it.look(job)
        assert it.look(job).status == "completed"


def test_every_call_has_a_name_that_the_plan_takes_and_no_other_fault_is_known():
    assert set(CALLS) == {"begin", "upload", "files", "file", "content", "delete", "create", "jobs", "job", "cancel"}
    with pytest.raises(ValueError, match="unknown fault"):
        CallFault("job", "swapped")


# Result files that are wrong.


@pytest.mark.parametrize(
    ("fault", "count"), [("missing", 2), ("foreign", 3), ("cut", 3), ("twice", 4), ("twice_different", 4)]
)
def test_a_line_of_a_result_file_may_be_wrong(fault, count):
    with bench(BatchTerms(lines=(BadLine(1, fault),))) as it:
        found = it.look(it.submit(of(3)))
        assert found.output_file_id is not None
        lines = it.client.files.content(found.output_file_id).text.splitlines()
    assert len(lines) == count
    parsed = []
    for one in lines:
        try:
            parsed.append(json.loads(one)["custom_id"])
        except json.JSONDecodeError:
            assert fault == "cut"
    right = {"missing": 0, "foreign": 0, "cut": 0, "twice": 2, "twice_different": 2}
    assert parsed.count("k-1") == right[fault]
    assert ("foreign-k-1" in parsed) == (fault == "foreign")


# The rest of the interface.


def test_the_clock_is_put_forward_and_the_bill_read_over_the_control_interface():
    with bench() as it:
        it.submit(of(2))
        told = control(it.url, "clock", b'{"seconds": 115}').json()
        assert [job["status"] for job in told["jobs"]] == ["completed"]
        assert sorted(one["ids"] for one in told["bill"]) == [["ak-0"], ["ak-1"]]
        assert control(it.url, "batches").json() == told
        assert control(it.url, "clock", b"soon").status_code == 422


def test_a_form_without_a_file_and_a_call_that_does_not_exist_are_refused():
    with bench() as it:
        with pytest.raises(openai.BadRequestError, match="required"):
            it.client.post("/files", body={"purpose": "batch"}, cast_to=FileObject)
        with pytest.raises(openai.APIStatusError) as refused:
            it.client.delete("/batches/batch_1", cast_to=Batch)
    assert refused.value.status_code == 405


def test_a_file_may_hold_the_bytes_of_a_boundary_in_its_lines():
    content = b'{"a": "--b"}\r\n--\r\n'
    head = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b\r\n'
    head += b'Content-Disposition: form-data; name="file"; filename="x.jsonl"\r\n\r\n'
    form = read_form("multipart/form-data; boundary=b", head + content + b"\r\n--b--\r\n")
    assert (form.fields, form.filename, form.file) == ({"purpose": "batch"}, "x.jsonl", content)


def test_the_plan_on_the_page_is_one():
    page = (Path(__file__).parents[2] / "docs" / "rehearsal.md").read_text(encoding="utf-8")
    block = page.partition("```json\n")[2].partition("```")[0]
    assert msgspec.json.decode(block, type=Plan).batch.running_s == 7200
