"""What is remembered of a provider's model, and when it is not."""

import pytest
import sqlalchemy as sa

from summarizer_assets.core.prompt.request_form import RequestForm
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.request_forms import RequestForms

LEARNT = RequestForm("json_object", "max_completion_tokens", 4096, 8000)
URL = "https://provider.example/v1?key=secret-in-the-query"


@pytest.fixture
def database(tmp_path):
    return Database(str(tmp_path / "state.sqlite"))


def test_a_form_is_remembered_for_its_model_and_settings_and_the_last_one_counts(database):
    forms = RequestForms(database, URL, "m", {"seed": 1})
    assert forms.load() == RequestForm()
    forms.keep(RequestForm("none"))
    forms.keep(LEARNT)
    assert RequestForms(database, URL, "m", {"seed": 1}).load() == LEARNT
    for other in ((URL, "m", {}), (URL, "n", {"seed": 1}), (URL + "2", "m", {"seed": 1})):
        assert RequestForms(database, *other).load() == RequestForm()


def test_what_other_settings_taught_replaces_it(database):
    RequestForms(database, URL, "m", {"seed": 1}).keep(LEARNT)
    RequestForms(database, URL, "m", {}).keep(RequestForm("none"))
    assert RequestForms(database, URL, "m", {"seed": 1}).load() == RequestForm()


@pytest.mark.parametrize("form", ["", "{", '{"structured": "yaml"}', '{"context": "many"}', "[]"])
def test_what_another_version_wrote_counts_as_nothing(database, form):
    forms = RequestForms(database, URL, "m", {})
    forms.keep(LEARNT)
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE request_forms SET form = :form"), {"form": form})
    assert forms.load() == RequestForm()


@pytest.mark.parametrize("days", [-1, 8])
def test_it_is_learnt_anew_after_a_week_and_when_the_clock_was_set_back(database, days):
    forms = RequestForms(database, URL, "m", {})
    forms.keep(LEARNT)
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE request_forms SET at = at - :seconds"), {"seconds": days * 86_400})
    assert forms.load() == RequestForm()


def test_the_store_holds_no_secret_of_the_url(database, tmp_path):
    RequestForms(database, URL, "m", {"token": "secret-in-the-body"}).keep(LEARNT)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"max_completion_tokens" in stored
    assert b"secret" not in stored
