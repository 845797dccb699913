"""Store of the request form that a provider's model accepts, for the next run; losing it costs one refused request."""

from hashlib import blake2b
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from summarizer_assets.core.prompt.request_form import RequestForm
from summarizer_assets.storage.state_db.database import METADATA, Database

_KEPT_S: Final = 7 * 86_400.0  # learnt again weekly, because servers get more memory and models larger limits

_FORMS = sa.Table(
    "request_forms",
    METADATA,
    sa.Column("provider", sa.String, primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("settings", sa.String, nullable=False),
    sa.Column("form", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)


class RequestForms:
    """The form of one provider's model.

    Args:
        database: the shared state database.
        base_url: the provider's base URL; it may contain a secret, so only its hash is stored.
        model: name of the model.
        settings: further JSON values that the form depends on; a change discards the stored form.
    """

    def __init__(self, database: Database, base_url: str, model: str, settings: Any) -> None:  # noqa: ANN401 - JSON
        self._database = database
        self._provider = _digest(base_url)
        self._model = model
        self._settings = _digest(settings)

    def load(self) -> RequestForm:
        """The stored form; the default if there is none, or if a version with other forms stored it."""
        mine = (_FORMS.c.provider == self._provider) & (_FORMS.c.model == self._model)
        with self._database.begin() as connection:
            now = self._database.now(connection)
            row = connection.execute(sa.select(_FORMS).where(mine)).one_or_none()
        if row is None or row.settings != self._settings or not 0 <= now - row.at <= _KEPT_S:
            return RequestForm()
        try:
            return msgspec.json.decode(row.form, type=RequestForm)
        except msgspec.DecodeError:
            return RequestForm()

    def keep(self, form: RequestForm) -> None:
        mine = (_FORMS.c.provider == self._provider) & (_FORMS.c.model == self._model)
        with self._database.begin() as connection:
            values = {
                "settings": self._settings,
                "form": msgspec.json.encode(form).decode(),
                "at": self._database.now(connection),
            }
            if connection.execute(_FORMS.update().where(mine).values(values)).rowcount:
                return
            try:
                with connection.begin_nested():
                    connection.execute(_FORMS.insert().values(provider=self._provider, model=self._model, **values))
            except sa.exc.IntegrityError:  # another run stored the same at the same moment
                connection.execute(_FORMS.update().where(mine).values(values))


def _digest(value: Any) -> str:  # noqa: ANN401 - JSON
    return blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=16).hexdigest()
