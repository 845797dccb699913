"""The path of requests, in which some protocols have the model."""

from urllib.parse import quote

from summarizer_assets.llm.protocols.chat_protocol import MODEL, ChatProtocol


def path_for(protocol: ChatProtocol, model: str) -> str:
    """What is added to the path of the base URL for requests of `model`.

    Raises:
        ValueError: no model is given for a path that has one.
    """
    if MODEL in protocol.path and not model:
        raise ValueError(f"the path of requests of the protocol {protocol.name} has the model in it; give it")
    return protocol.path.replace(MODEL, quoted_model(model))


def quoted_model(model: str) -> str:
    """A model's name as a part of a path; with or without what Google's lists of models put before it."""
    return quote(model.removeprefix("models/"), safe="")
