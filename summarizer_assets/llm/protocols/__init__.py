"""How providers are spoken to: one module a protocol, all of the shape in `chat_protocol.py`. Pure."""
