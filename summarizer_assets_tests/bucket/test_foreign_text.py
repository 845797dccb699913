"""What a provider says beside its answers is stored only without secrets."""

from summarizer_assets.faults.provider import FaultyProvider
from summarizer_assets_tests.bucket_house import House
from summarizer_assets_tests.installation import Installation, write_authors
from summarizer_assets_tests.provider import answer, serving

KEY, TOKEN = "sk-canary-0123456789abcdef", "tok-canary-0123456789"


def test_a_model_that_calls_itself_by_the_key_or_by_a_token_of_the_request_is_stored_without_it(tmp_path):
    said = iter([KEY, f"{TOKEN}/v2", "gpt-of-another-name"])

    def echoing(body: bytes) -> bytes:
        return answer(body).replace(b'"model": "test-model"', f'"model": "{next(said)}"'.encode())

    provider = FaultyProvider(echoing)
    with serving(provider) as url:
        installation = Installation(
            tmp_path / "root",
            write_authors(tmp_path / "authors.parquet", 3),
            llm_base_url=url,
            llm_model="test-model",
            llm_api_key=KEY,
            llm_extra_body={"metadata": {"token": TOKEN}},
            group_size=1,
            max_in_flight=1,
        )
        house = House(installation, provider)
        house.ingest()
        house.work()
    models = house.frame("summaries")["response_model"].to_list()
    assert len(models) == 3
    assert "gpt-of-another-name" in models
    assert not any("canary" in model for model in models)
