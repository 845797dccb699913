"""In which form a provider's model takes requests, remembered for the next run: losing it costs one refused request."""

from hashlib import blake2b
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from summarizer_assets.core.prompt.request_form import RequestForm
from summarizer_assets.storage.state_db.database import METADATA, Database

_KEPT_S: Final = 7 * 86_400.0  # servers get more memory, models a larger bound: it is learnt anew now and then

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
        database: the store all hosts share.
        base_url: of the provider; it may hold a secret, so only its hash is kept.
        model: its name.
        settings: what the form depends on beside these, as JSON values; once it changes, nothing is remembered.
    """

    def __init__(self, database: Database, base_url: str, model: str, settings: Any) -> None:  # noqa: ANN401 - JSON
        self._database = database
        self._provider = _digest(base_url)
        self._model = model
        self._settings = _digest(settings)

    def load(self) -> RequestForm:
        """As last kept; the usual one where nothing is remembered, or by a version that knew other forms."""
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
            except sa.exc.IntegrityError:  # another run at the same moment, which learnt the same
                connection.execute(_FORMS.update().where(mine).values(values))


def _digest(value: Any) -> str:  # noqa: ANN401 - JSON
    return blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=16).hexdigest()
