"""The signals by which providers tell why they refuse, as a table: whose fault a refusal is, in the order of trust.

Names (codes, types, statuses, reasons; lower case) are compared whole, or by their end where they begin with `*`. Words
are searched in every text of the body, and in its names as if they were texts. What is done about a cause is said in
`classify.py` and `client.py`. Where the bodies were seen, that these signals were taken from, stands in the test's
table.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from summarizer_assets.llm.errors import StopCause
from summarizer_assets.llm.http.error_body import ErrorBody


class Cause(Enum):
    """Whose fault a refusal is."""

    ACCOUNT = auto()  # nobody is answered until a person pays, or mends the key
    MODEL = auto()  # the configured model is not there
    FIELD = auto()  # a field of the request: all requests have it
    AUTHORS = auto()  # what this request says
    TOO_LARGE = auto()  # how much it says, or may be answered
    THROTTLE = auto()  # too fast
    SERVER = auto()  # it passes by itself
    GARBLED = auto()  # the model's answer failed a check of the server's own, by chance


@dataclass(frozen=True)
class Signal:
    """One row: it holds when a name or the words match, under one of `statuses` (None: whatever the status).

    `params`: the body must name one of these fields as its cause, too.
    """

    cause: Cause
    stop: StopCause | None = None
    names: frozenset[str] = frozenset()
    words: re.Pattern[str] | None = None
    statuses: Collection[int] | None = None
    of_pages: bool = False  # whether it is looked for in a web page, too
    params: frozenset[str] | None = None

    def holds(self, status: int, error: ErrorBody) -> bool:
        if self.statuses is not None and status not in self.statuses:
            return False
        if error.page and not self.of_pages:
            return False
        if self.params is not None and self.params.isdisjoint(error.params):
            return False
        return self._named(error) or (self.words is not None and self.words.search(error.searched) is not None)

    def _named(self, error: ErrorBody) -> bool:
        if not self.names.isdisjoint(error.names):
            return True
        endings = tuple(name[1:] for name in self.names if name.startswith("*"))
        return bool(endings) and any(name.endswith(endings) for name in error.names)


#: What an account has less of with each request.
_MONEY: Final = r"(?:credits?|balance|budget|funds|subscription)"


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CLIENT: Final = range(400, 500)

#: The first that holds decides. Exact names first, words after them; an account's end before everything else, for
#: providers speak of it under any status, and nothing else explains it.
SIGNALS: Final[tuple[Signal, ...]] = (
    # The server checked the model's answer against the schema, and it failed.
    Signal(
        Cause.GARBLED,
        names=_names("json_validate_failed output_parse_failed"),
        words=_words(
            r"failed to (?:generate|validate) json",
            r"failed_generation",
            r"could not (?:parse|validate) the (?:model'?s )?output",
        ),
    ),
    # The account.
    Signal(
        Cause.ACCOUNT,
        StopCause.QUOTA,
        names=_names(
            "insufficient_quota credit_balance_exhausted billing_hard_limit_reached billing_not_active budget_exceeded "
            "insufficient_balance insufficient_credits payment_required billing_error insufficient_funds "
            "exceeded_current_quota_error *_spend_limit_exceeded *_usage_limit_exceeded account_deactivated "
            "*_spend_limit_reached organization_on_hold linked_organization_billing_unavailable "
            "openrouter_credits openrouter_key_limit quota_exhausted out_of_credits account_suspended "
            "arrearage accountoverdueerror *perdayperprojectpermodel *perdayperprojectpermodel-freetier"
        ),
        words=_words(
            r"credit balance is too low",
            rf"\b(?:insufficient|not enough|(?:run )?out of|requires? more|no|exceeded|exhausted|used up|used all)"
            rf"(?: [\w-]+)? {_MONEY}\b|\b(?:exceeded|exhausted|used)[^.\n]{{0,30}} {_MONEY}\b",
            rf"\b{_MONEY} [^.\n]{{0,40}}"
            r"(?:insufficient|too low|exceeded|exhausted|used up|depleted|expired|not enough|ended)",
            r"insufficient (?:\w+ )?quota\b|\u989d\u5ea6\u4e0d\u8db3|\u4f59\u989d\u4e0d\u8db3|\u6b20\u8d39",
            r"never purchased credits",
            r"budget has been exceeded",
            r"\bover budget\b|\bexceeded ?budget|\bcrossed budget",
            r"(?:spend(?:ing)?|usage|credit|billing|hard|monthly|key) limit (?:exceeded|reached|has been reached)",
            r"(?:reached|exceeded|hit|reaching) (?:your|the|its) (?:\w+ ){0,3}"
            r"(?:spend(?:ing)?|usage|credit|billing|monthly)(?: \w+)? limit",
            r"(?:account|organi[sz]ation|subscription|workspace)[^.\n]{0,60}"
            r"(?:suspended|deactivated|overdue|blocked|banned|inactive|terminated|closed|disabled|not active)",
            r"billing (?:is )?(?:not active|disabled|not enabled)|enable billing|billing hard limit",
            r"billing account[^.\n]{0,60}(?:disabled|closed)",
            r"past[- ]due|unpaid invoices?|payment (?:is )?required|requires billing|\bin arrears\b",
            r"(?:free|trial) (?:tier|quota|credits?|period)[^.\n]{0,40}(?:exhausted|expired|used up|ended)",
        ),
    ),
    Signal(
        Cause.ACCOUNT,
        StopCause.AUTH,
        names=_names(
            "invalid_api_key api_key_invalid authentication_error authentication invalid_authentication_error "
            "incorrect_api_key organization_restricted unsupported_country_region_territory unauthenticated "
            "invalidclienttokenid unrecognizedclientexception expiredtokenexception incompletesignature "
            "access_terminated_error service_disabled account_inactive api_key_service_blocked expired_key "
            "key_model_access_denied invalid_token api_key_expired consumer_invalid api_key_ip_address_blocked"
        ),
        words=_words(
            r"(?:invalid|incorrect|expired|unknown|missing|revoked|disabled|wrong)[ _](?:x-)?"
            r"(?:api|subscription|access|auth(?:entication)?)[ _-]?(?:key|token)",
            r"(?:api|subscription|access|virtual)[ _-]?(?:key|token)[^.\n]{0,60}"
            r"(?:not valid|invalid|expired|incorrect|revoked|disabled|not found|leaked|missing|blocked)",
            r"authentication (?:error|failed|fails)",
            r"(?:invalid|expired|incorrect) (?:authentication|credentials|token|bearer)",
            r"no (?:auth|api key|authentication) (?:credentials )?(?:found|passed in|provided)",
            r"(?:country|region|territory)[^.\n]{0,40}not supported",
            r"not (?:available|supported) in your (?:country|region)",
            r"user location is not supported",
            r"don'?t have access to the model with the specified model id",
            r"public access is disabled|virtual network/firewall rules",
        ),
        statuses=_CLIENT,
    ),
    # What this request says.
    Signal(
        Cause.AUTHORS,
        names=_names(
            "content_filter content_filtered content_policy_violation responsibleaipolicyviolation moderation_blocked "
            "moderation_error content_policy prohibited_content data_inspection_failed datainspectionfailed "
            "sensitivecontentdetected inputtextsensitivecontentdetected outputtextsensitivecontentdetected "
            "guardrail_intervened content_safety_violation safety_error contentpolicyviolationerror refusal "
            "input_flagged content_moderation invalid_prompt sensitive_content content_blocked"
        ),
        words=_words(
            r"(?:input|prompt|content|request|message|text)[^.\n]{0,40}(?:was|were|is|been|got) "
            r"(?:flagged|moderated|filtered|blocked by (?:our |the )?(?:content|safety|moderation|guardrail))",
            r"content[- _](?:management|filter(?:ing)?|safety|moderation|usage)[- _]?polic",
            r"(?:blocked|stopped|rejected|triggered|refused|denied|filtered) (?:by|due to) (?:\w+ ){0,4}"
            r"(?:content|safety|moderation|guardrail|polic)",
            r"violat\w+ (?:of )?(?:our |the |its )?(?:\w+ ){0,2}(?:usage|content|safety|acceptable use) polic",
            r"requires moderation|content_filter_result|did not pass (?:the )?(?:moderation|content)",
            r"(?:inappropriate|sensitive|unsafe|prohibited|harmful) (?:content|words?|information|material)",
            r"\bmoderation\b|content exists risk|responsible ?ai ?polic|guardrail intervened|flagged (?:for|as|by)\b",
        ),
        statuses=range(400, 600),
    ),
    # Too fast, under any status. A request that alone is above a minute's limit is too large: waiting cures nothing.
    Signal(Cause.TOO_LARGE, words=_words(r"^request too large\b")),
    Signal(
        Cause.THROTTLE,
        names=_names(
            "rate_limit_exceeded rate_limit_error rate_limited slow_down throttling throttlingexception "
            "too_many_requests toomanyrequestsexception toomanyrequests resource_exhausted request_limit_exceeded "
            "overloaded_error engine_overloaded_error provider_overloaded rate_limit_reached_error overloaded "
            "limit_requests limit_tokens limit_burst_rate serverlessloadshedding"
        ),
        words=_words(
            r"\brate[- ]?limit(?:s|ed|ing)?\b",
            r"too many (?:concurrent )?requests",
            r"\bslow(?:ing)? down\b|\bthrottl",
            r"(?:over|exceeded|at|no|tier) capacity|capacity exceeded|over ?loaded|no capacity available",
            r"requests? per (?:minute|second)|tokens per minute",
            r"server (?:is )?busy|currently busy|maximum pending requests|engine is currently",
        ),
        statuses=(*range(400, 500), 503, 529),
        of_pages=True,
    ),
    # Words that stand for an account's rights where nothing before explains the refusal.
    Signal(
        Cause.ACCOUNT,
        StopCause.AUTH,
        names=_names(
            "permission_denied permission_error permissiondenied accessdeniedexception no_permission unauthorized "
            "request_forbidden access_denied"
        ),
        words=_words(
            r"\bnot (?:authorized|allowed|permitted) to (?:perform|access|use|call)",
            r"insufficient permissions?\b|\bip (?:address )?[^.\n]{0,40}not allowed",
        ),
        statuses=_CLIENT,
    ),
    # What is paid for by the month, where it is not the limit of a minute.
    Signal(
        Cause.ACCOUNT,
        StopCause.QUOTA,
        words=_words(r"\bquota\b[^.\n]{0,40}(?:exceeded|exhausted|reached|used up)", r"exceeded [^.\n]{0,30}\bquota\b"),
        statuses=(400, 403, 412),
    ),
    # How much.
    Signal(
        Cause.TOO_LARGE,
        words=_words(r"less[ _]than|at most|above maximum|maximum value|<=|too (?:large|big|high)|exceed"),
        params=_names("max_tokens max_completion_tokens"),
        statuses=(400, 422),
    ),
    Signal(
        Cause.TOO_LARGE,
        names=_names(
            "context_length_exceeded string_above_max_length request_too_large exceed_context_size_error "
            "max_tokens_exceeded token_limit_exceeded string_too_long context_window_exceeded "
            "contextwindowexceedederror context_exceeded model_context_window_exceeded input_too_long"
        ),
        words=_words(
            r"maximum (?:context|prompt|input|sequence|model) (?:length|size)",
            r"context (?:length|window|size|limit)",
            r"(?:prompt|input|request|message)s? (?:is|are|was) (?:too (?:long|large)|longer)",
            r"too many (?:input )?tokens|too large for model",
            r"exceeds? the (?:maximum|max)(?: allowed)?(?: number of)?(?: input)? tokens",
            r"maximum number of tokens allowed|token limit:? \d|exceed(?:s|ed)? (?:the )?(?:model )?token limit",
            r"reduce (?:the length of the|your) (?:messages|prompt|input|message size)",
            r"max_(?:\w+_)?tokens[`'\"]?[^.\n]{0,60}(?:too large|cannot exceed|must be (?:<=|less|at least)|"
            r"must not exceed|exceeds|greater than|larger than|valid range|in (?:the )?range)",
            r"(?:range of|max_\w*tokens:) (?:max_\w*tokens|\d+ >)",
            r"maxoutputtokens value of|maximum tokens you requested exceeds",
            r"inputs?`? tokens \+ `?max_new_tokens|inputs?`? must have less than \d+ tokens",
            r"max_(?:\w+_)?tokens[^\n]{0,60}(?:above maximum|expected a value <=)",
            r"supports at most \d+ (?:completion|output) tokens|maximum allowed number of output tokens",
        ),
        statuses=(*range(400, 500), 500),
    ),
    # A field that all requests have.
    Signal(
        Cause.FIELD,
        names=_names("unsupported_parameter unsupported_value unknown_parameter invalid_json_schema"),
        words=_words(
            r"unsupported (?:parameter|value|argument|field)",
            r"does not support (?:the )?(?:\w+ )?(?:parameter|argument|field)s?\b",
            r"(?:unrecognized|unknown|unexpected|unsupported|extra) (?:request )?"
            r"(?:argument|field|parameter|property|keyword)s?\b",
            r"extra (?:inputs|fields) (?:are )?not permitted|extra_forbidden|additional properties are not allowed",
            r"property ['\"`]?\w+['\"`]? is (?:unsupported|not supported)",
            r"is not a (?:supported|valid|recognized) (?:parameter|field|argument)",
            r"invalid schema for response_format|schema contains features|grammar (?:error|is invalid|compil)",
            r"failed to (?:parse|compile) (?:the )?(?:grammar|json schema)|(?:parse|compile|compiling) grammar",
            r"guided[_ ](?:json|decoding|grammar)|xgrammar|structured[_ ]outputs?|json mode|compiled grammar",
            r"\bthinking (?:cannot be|may not be|is not supported)|\bthinking[ _](?:budget|level)\b|in thinking mode",
            r"response_?format",
        ),
        statuses=(400, 404, 405, 415, 422, 500, 501),
    ),
    # The model.
    Signal(
        Cause.MODEL,
        StopCause.MODEL,
        names=_names(
            "model_not_found invalid_model deploymentnotfound model_not_available model_not_exist modelnotfound "
            "invalid_model_id resourcenotfoundexception endpoint_not_found model_decommissioned model_not_active "
            "unknown_model modelerror operationnotsupported invalidendpointormodel.notfound "
            "resource_does_not_exist unsupported_api_for_model"
        ),
        words=_words(
            r"\bmodel\b[^.\n]{0,80}(?:does not exist|do(?:es)?n'?t exist|not found|not a valid|is not supported|"
            r"not available|no longer|decommissioned|deprecated|(?:was|has been) (?:removed|retired|deprovisioned))",
            r"(?:invalid|unknown|unsupported|no such) model\b|not a valid model",
            r"no (?:allowed |available )?(?:providers|endpoints|instances|healthy deployments?)"
            r" (?:are )?(?:available|found)?[^.\n]{0,20}(?:for|that|model|matching)",
            r"deployment for this resource does not exist|endpoint .{0,60} does not exist",
            r"(?:does not|doesn'?t) (?:exist|support).{0,20}you do not have access|model identifier is invalid",
            r"on-demand throughput isn.?t supported|invalid model name passed",
        ),
        statuses=(400, 403, 404, 405, 410, 422, 424),
    ),
    # A server that fails under a status that is not its own.
    Signal(
        Cause.SERVER,
        names=_names(
            "server_error internal_error internal_server_error internalservererror service_unavailable unavailable "
            "serviceunavailableexception modelnotreadyexception modelerrorexception internalserverexception "
            "model_loading provider_unavailable api_connection_error apiconnectionerror"
        ),
        words=_words(
            r"model (?:has |is |was )?(?:been |currently )?(?:crashed|unloaded|reloaded|loading|not ready|warming)",
            r"(?:failed|unable) to load (?:the )?model|model (?:failed to load|is not loaded|has not been loaded)",
            r"loading model",
            r"no models? (?:is |are )?(?:currently )?loaded",
            r"internal (?:server )?error|temporarily unavailable",
            r"runner (?:process )?(?:has )?(?:terminated|unexpectedly stopped|no longer running)",
            r"cuda (?:error|out of memory)|engine(?:core)?[^.\n]{0,20}(?:dead|died|not running|encountered)",
            r"upstream (?:connect|connection|timed? ?out|error)|connection (?:error|refused|reset|aborted)",
            r"bad gateway|service unavailable|operation was (?:cancell?ed|aborted)",
        ),
        statuses=(*range(400, 500),),
    ),
)

#: Fields of a request that a person or the product sets, and no author's text does.
REQUEST_FIELDS: Final = _names(
    "max_tokens max_completion_tokens response_format temperature top_p top_k min_p n stop seed service_tier stream "
    "json_schema json_object "
    "frequency_penalty presence_penalty repetition_penalty logit_bias logprobs top_logprobs reasoning reasoning_effort "
    "thinking enable_thinking chat_template_kwargs verbosity store metadata user tools tool_choice parallel_tool_calls "
    "modalities prediction safety_identifier prompt_cache_key guided_json provider transforms models plugins text "
    "generation_config max_output_tokens output_config output_format cache_control budget_tokens inference_geo"
)

#: Those of them that are no usual words: a text that mentions one speaks of the request.
TELLING_FIELDS: Final = frozenset(name for name in REQUEST_FIELDS if "_" in name) | {"temperature"}
