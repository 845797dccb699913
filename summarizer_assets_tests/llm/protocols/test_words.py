"""Reads the sources: which modules may know the words of the protocols."""

import re
from pathlib import Path

import summarizer_assets

PACKAGE = Path(summarizer_assets.__file__).parent
WORDS = re.compile(
    r'/chat/completions|"choices"|\bchoices:|\.choices\b|response_format|max_completion_tokens|x-ratelimit-|"/messages"'
    r"|anthropic-version|anthropic-ratelimit-|x-api-key|output_config|stop_reason|cache_control|/v1/messages"
    r"|:generateContent|generationConfig|finishReason|x-goog-api-key|promptFeedback"
)
PROTOCOLS = "llm/protocols/"
#: Pure parts of the protocols' modules, and who else may import them.
HELPERS = {
    "core/answers/chat_completion.py": set(),
    "core/answers/anthropic_message.py": set(),
    "core/answers/gemini_content.py": set(),
    "core/answers/provider_error.py": {
        "core/answers/anthropic_message.py",
        "core/answers/chat_completion.py",
        "core/answers/gemini_content.py",
    },
    "core/answers/event_stream.py": {
        "core/answers/reply_document.py",
        "core/answers/usage.py",
        "llm/http/classify.py",  # the blanks before a body
    },
}
ELSEWHERE = {
    "llm/embedded/app.py": "it is a server of the protocol",
    "rehearsal/": "it is a server of the protocol",
    "llm/http/error_body.py": "the words of refusals, whoever refuses",
    "llm/http/refusal_signals.py": "the words of refusals, whoever refuses",
    "core/prompt/context_limits.py": "the words of refusals, whoever refuses",
    "core/money/costly_fields.py": "all fields that providers are known to take",
    "settings/": "it tells a person what to set",
    "endpoint/": "paths of other interfaces, which people copy",
}


def test_no_module_knows_the_words_of_the_protocol_but_its_own_and_those_with_a_reason():
    sources = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    knowing = {name for name, text in sources.items() if WORDS.search(text)}
    assert {name for name in knowing if not name.startswith((PROTOCOLS, *HELPERS, *ELSEWHERE))} == set()
    assert {place for place in (*HELPERS, *ELSEWHERE) if not any(name.startswith(place) for name in knowing)} == set()
    for helper, users in HELPERS.items():
        module = f"summarizer_assets.{helper.removesuffix('.py').replace('/', '.')} "
        importing = {name for name, text in sources.items() if f"from {module}" in text}
        assert {name for name in importing if not name.startswith(PROTOCOLS)} == users
