"""Request fields that may be billed beyond tokens, so that a budget requires their price.

A field passes if it is known to change neither the number of answers, nor what else is bought with them, nor whose
price applies; so does whatever is switched off. Any other field may cost, also unknown ones, because providers add new
fields.
"""

from collections.abc import Mapping
from typing import Any, Final

_NAMES: Final = """
temperature top_p top_k top_a min_p typical_p tfs eta_cutoff epsilon_cutoff seed random_seed stop stop_token_ids
frequency_penalty presence_penalty repetition_penalty repeat_penalty repeat_last_n length_penalty no_repeat_ngram_size
dry_multiplier dry_base dry_allowed_length xtc_threshold xtc_probability mirostat mirostat_tau mirostat_eta
mirostat_mode dynatemp_range logit_bias logprobs top_logprobs bad_words ignore_eos min_tokens do_sample
max_tokens max_completion_tokens max_new_tokens num_predict n_predict truncate truncate_prompt_tokens
reasoning reasoning_effort reasoning_format reasoning_split reasoning_budget include_reasoning thinking
output_config cache_control generationConfig safetySettings
thinking_budget thinking_config enable_thinking thinking_mode verbosity chat_template chat_template_kwargs
chat_template_args add_generation_prompt guided_json guided_grammar guided_regex guided_choice
guided_decoding_backend structured_outputs grammar json_schema strict prompt_mode safe_prompt safety_settings
safety_identifier user user_id metadata store request_id session_id trace_id tags prompt_cache_key
prompt_cache_retention cache_prompt cache_salt priority slot_id keep_alive num_ctx num_gpu options
stream_options service_tier parallel_tool_calls tool_choice skip_special_tokens
"""
#: Fields that control sampling, format or length of the one answer, or its storage. Reasoning counts as its tokens.
_OF_ONE_ANSWER: Final = frozenset(_NAMES.split())
#: Fields that select who answers, so that another price than the listed or configured one may apply.
_OF_THE_PRICE: Final = frozenset({"provider", "models", "route", "fallbacks", "fallback_models", "transforms"})
#: Values that switch a field off. An empty object does not: it requests the default.
_OFF: Final[tuple[object, ...]] = (None, False, 0, "", "none", "off", "disabled", "never", [])
_SWITCHES: Final = frozenset({"enabled", "enable", "type", "mode"})
#: Fields that switch something off when they are true.
_NEGATIVE: Final = ("disable_", "no_", "skip_")
#: Numbers of answers; 1 is the default.
_NUMBERS: Final = frozenset({"best_of", "num_return_sequences", "num_beams", "candidate_count", "n_best"})


def costly_fields(extra_body: Mapping[str, Any], *, own_price: bool) -> tuple[str, ...]:
    """The configured fields that may be billed in addition to the tokens of one answer, in their order.

    Args:
        extra_body: the fields merged into each request.
        own_price: whether a price of tokens is configured, whoever answers.
    """
    harmless = _OF_ONE_ANSWER | _OF_THE_PRICE if own_price else _OF_ONE_ANSWER
    return tuple(name for name, value in extra_body.items() if name not in harmless and not _is_off(name, value))


def _is_off(name: str, value: object) -> bool:
    if name.startswith(_NEGATIVE):
        return value is True
    if isinstance(value, Mapping) and _SWITCHES & value.keys():
        return any(_among_off(value[switch]) for switch in _SWITCHES & value.keys())
    if name in _NUMBERS and value == 1:
        return True
    return _among_off(value)


def _among_off(value: object) -> bool:
    return any(value == off and isinstance(value, type(off)) for off in _OFF)
