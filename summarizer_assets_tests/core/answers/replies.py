# ruff: noqa: E501 - one reply a line, however long, so that the table can be read as one
"""Replies as real servers and models give them: where each form was seen, the body, and what is read of it.

Each holds the answer `ROWS` in its own dress. `DRAFT` is what a model wrote while it thought, and never an answer.
"""

import json
from typing import Any

ROWS = [
    {"author_id": "101", "summary": 'Ada Marlow writes on "peat", [bogs] and {fens}, in winter.'},
    {"author_id": "102", "summary": "Bo Quint writes on lenses of sapphire, ] and } and ``` among them."},
    {"author_id": "x-3", "summary": "Cy Ferro writes on </think> tokens, tin and Žilina \u2028 plates,"},
]
ALL = {row["author_id"]: row["summary"] for row in ROWS}
GOOD = json.dumps({"summaries": ROWS})
PRETTY = json.dumps({"summaries": ROWS}, indent=2, ensure_ascii=False)
LIST = json.dumps(ROWS)
DRAFT = json.dumps({"summaries": [{"author_id": row["author_id"], "summary": "A draft."} for row in ROWS]})
CALL = {"id": "call_1", "type": "function", "function": {"name": "author_summaries", "arguments": GOOD}}
USAGE = {"prompt_tokens": 400, "completion_tokens": 80, "total_tokens": 480}


def chat(content: object, finish: object = "stop", *, body: dict[str, Any] | None = None, **message: object) -> bytes:
    told = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "finish_reason": finish, "message": told}
    return json.dumps({"id": "c", "model": "m", "usage": USAGE, "choices": [choice], **(body or {})}).encode()


def chunk(**delta: object) -> str:
    return "data: " + json.dumps({"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})


LAST = "data: " + json.dumps(
    {"model": "m", "usage": USAGE, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
)
CHUNKS = [chunk(role="assistant"), chunk(reasoning_content=DRAFT), chunk(content=GOOD[:50]), chunk(content=GOOD[50:])]


def stream(*lines: str, between: str = "\n\n") -> bytes:
    return between.join([*lines, ""]).encode()


def keys(author_id: str, summary: str) -> str:
    return json.dumps({"summaries": [{author_id: row["author_id"], summary: row["summary"]} for row in ROWS]})


#: What a model writes around and instead of plain JSON.
TEXTS = {
    # thinking
    "DeepSeek R1, vLLM without a reasoning parser": f"<think>\nSo: {DRAFT}\n</think>\n\n{GOOD}",
    "DeepSeek R1 and QwQ, the template opens the block": f"First I draft {DRAFT}. Good.\n</think>\n\n{GOOD}",
    "DeepSeek V3.1, the block closed at once": f"</think>{GOOD}",
    "Qwen3 with thinking off": f"<think>\n\n</think>\n\n{GOOD}",
    "Qwen3, two blocks": f"<think>{DRAFT}</think>\n<think>{DRAFT}</think>{GOOD}",
    "a block that speaks of its own end": f"<think>I close with </think> and say {DRAFT} now </think>{GOOD}",
    "Claude's prompts": f"<thinking>{DRAFT}</thinking>\n{GOOD}",
    "Reflection Llama": f"<thinking>a <reflection>b</reflection> {DRAFT}</thinking><output>{GOOD}</output>",
    "<reasoning> of tuned models": f"<reasoning>\n{DRAFT}\n</reasoning>\n<answer>\n{GOOD}\n</answer>",
    "<reflection> of tuned models": f"<reflection>{DRAFT}</reflection>{GOOD}",
    "a tag in capitals and with attributes": f'<THINKING budget="low">{DRAFT}</THINKING>{GOOD}',
    "EXAONE <thought>": f"<thought>\n{DRAFT}\n</thought>\n{GOOD}",
    "Magistral": f"[THINK]{DRAFT}[/THINK]{GOOD}",
    "Kimi": f"◁think▷{DRAFT}◁/think▷{GOOD}",
    "Kimi K3": f"<|open|>think<|sep|>{DRAFT}<|close|>think<|sep|><|open|>response<|sep|>{GOOD}<|close|>response<|sep|>",
    "Seed-OSS": f"<seed:think>a<seed:cot_budget_reflect>b</seed:cot_budget_reflect>{DRAFT}</seed:think>{GOOD}",
    "Hunyuan A13B": f"<think>\n{DRAFT}\n</think>\n<answer>\n{GOOD}\n</answer>",
    "Granite 3.2": f"Here is my thought process: {DRAFT}\n\nHere is my response: {GOOD}",
    "Granite 3.2, quantised": f"Here's my thought process: {DRAFT}\nHere's my response:\n{GOOD}",
    "Command A": f"<|START_THINKING|>{DRAFT}<|END_THINKING|><|START_RESPONSE|>{GOOD}<|END_RESPONSE|>",
    "Gemma 4": f"<|channel>thought\n{DRAFT}<channel|>{GOOD}<turn|>",
    "MedGemma": f"<unused94>thought\n{DRAFT}<unused95>{GOOD}",
    "Apertus": f"<|inner_prefix|>{DRAFT}<|inner_suffix|>{GOOD}",
    "OpenThinker": f"<|begin_of_thought|>{DRAFT}<|end_of_thought|>\n<|begin_of_solution|>{GOOD}<|end_of_solution|>",
    "GLM's box": f"<think>{DRAFT}</think><|begin_of_box|>{GOOD}<|end_of_box|>",
    # harmony
    "gpt-oss, final channel": f"<|channel|>final<|message|>{GOOD}<|return|>",
    "gpt-oss, both channels": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{GOOD}",
    "gpt-oss, constrained": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>{GOOD}",
    "gpt-oss, `final json`": f"<|start|>assistant<|channel|>final json<|message|>{GOOD}<|end|>",
    "gpt-oss, analysis twice without an end": f"<|channel|>analysis<|message|>a<|channel|>analysis<|message|>{DRAFT}<|channel|>final<|message|>{GOOD}",
    "gpt-oss, commentary": f"<|channel|>commentary to=functions.save <|constrain|>json<|message|>{GOOD}<|call|>",
    "gpt-oss, the marks taken out": f"analysisWe need JSON. {DRAFT} Fine.assistantfinal{GOOD}",
    # fences and words
    "a fence": f"```json\n{GOOD}\n```",
    "a fence without a language": f"```\n{PRETTY}\n```",
    "a fence of tildes": f"~~~json\n{PRETTY}\n~~~",
    "a fence on one line": f"```json {GOOD}```",
    "a fence that touches its JSON": f"```json{GOOD}```",
    "a fence in a fence": f"```\n```json\n{GOOD}\n```\n```",
    "a fence never closed": f"```json\n{GOOD}",
    "words around a fence": f"Here is the JSON you asked for:\n\n```json\n{PRETTY}\n```\n\nLet me know if [anything] is missing!",
    "words around bare JSON": f"Sure! {GOOD} I hope this helps (see {{above}}).",
    "the form first": f'In the form {{"summaries": [{{"author_id": "...", "summary": "..."}}]}}:\n{GOOD}',
    "the form with dots first": f'As {{"summaries": [...]}} demands:\n{GOOD}',
    "a draft for all, then the answer": f"```json\n{DRAFT}\n```\nBetter:\n```json\n{GOOD}\n```",
    "the same twice": f"{GOOD}\n\n{GOOD}",
    "a byte order mark and blanks": f"\ufeff \n{GOOD}\n ",
    # end tokens
    **{f"end token {token}": GOOD + token for token in ("</s>", "<|eot_id|>", "<|im_end|>", "<\uff5cend\u2581of\u2581sentence\uff5c>")},
    **{f"end token {token}": GOOD + token for token in ("<end_of_turn>\n", "<|endoftext|>", "<|return|>", "[EOS]", "<|end|>")},
    "an end token within a fence": f"```json\n{GOOD}<|im_end|>\n```",
    "a bracket too many": GOOD + "}",
    # JSON in other clothes
    "a trailing comma": GOOD.replace("}]}", "},\n]}"),
    "trailing commas everywhere, in a fence": "```json\n" + GOOD.replace('"}', '",}').replace("}]}", "},],}") + "\n```",
    "JSONL": "\n".join(json.dumps(row) for row in ROWS),
    "JSONL in a fence": "```jsonl\n" + "\n".join(json.dumps(row) for row in ROWS) + "\n```",
    "rows with commas between": ", ".join(json.dumps(row) for row in ROWS),
    "a bare list": LIST,
    "another wrapper": json.dumps({"authors": ROWS, "count": 3}),
    "a wrapper in capitals": json.dumps({"Summaries": ROWS}),
    "a wrapper around the wrapper": json.dumps({"response": {"summaries": ROWS}}),
    "a tool call written out": json.dumps({"name": "author_summaries", "arguments": {"summaries": ROWS}}),
    "thoughts in a member": json.dumps({"reasoning": json.loads(DRAFT)["summaries"], "result": ROWS}),
    "a list around the object": f"[{GOOD}]",
    "JSON as a string": json.dumps(GOOD),
    "JSON as a string in a fence": f"```json\n{json.dumps(GOOD)}\n```",
    "the list as a string": json.dumps({"summaries": LIST}),
    "what Python prints": repr({"summaries": ROWS}),
    "authorId": keys("authorId", "summary"),
    "id": keys("id", "Summary"),
    "AUTHOR_ID": keys("AUTHOR_ID", "author_summary"),
    "more keys than asked": json.dumps({"summaries": [{**row, "id": 7, "confidence": 1} for row in ROWS]}),
}  # fmt: skip

#: What stands around the text.
BODIES = {
    "OpenAI": chat(GOOD),
    "llama.cpp and others, reasoning apart": chat(GOOD, reasoning_content=DRAFT),
    "vLLM #23694, LM Studio #1698: the answer in the place of reasoning": chat(None, reasoning_content=GOOD),
    "the same with an empty content": chat("\n", reasoning_content=GOOD),
    "OpenRouter: the answer in `reasoning`": chat(None, reasoning=f"```json\n{PRETTY}\n```"),
    "vLLM #23694: final channel in the place of reasoning": chat(None, reasoning=f"<|channel|>final<|message|>{GOOD}<|return|>"),
    "reasoning with its end in it": chat(None, reasoning_content=f"I draft {DRAFT}</think>{GOOD}"),
    "OpenAI's `parsed`": chat(None, parsed={"summaries": ROWS}),
    "a gateway that makes a tool of the schema": chat(None, "tool_calls", tool_calls=[CALL]),
    "arguments as an object": chat(None, tool_calls=[{"function": {"name": "f", "arguments": {"summaries": ROWS}}}]),
    "words beside the tool call": chat("I call the tool.", "tool_calls", tool_calls=[CALL]),
    "the old function call": chat(None, "function_call", function_call={"name": "f", "arguments": GOOD}),
    "Mistral: parts, some thinking": chat([{"type": "thinking", "thinking": [{"type": "text", "text": DRAFT}]}, {"type": "text", "text": GOOD}]),
    "parts of reasoning with a text": chat([{"type": "reasoning", "text": DRAFT}, {"type": "output_text", "text": GOOD}]),
    "Gemini: a part that is a thought": chat([{"text": DRAFT, "thought": True}, {"text": GOOD}]),
    "parts that are strings": chat([GOOD[:30], GOOD[30:]]),
    "one part, no list": chat({"type": "text", "text": GOOD}),
    "content that is JSON, not text": chat({"summaries": ROWS}),
    "content that is the list": chat(ROWS),
    "the older completions": json.dumps({"choices": [{"text": GOOD, "finish_reason": "stop"}], "usage": USAGE}).encode(),
    "a gateway's wrapper": json.dumps({"code": 0, "msg": "success", "data": json.loads(chat(GOOD))}).encode(),
    "an error that is null": chat(GOOD, body={"error": None, "errors": []}),
    "an error beside the answer": chat(GOOD, "error", body={"error": {"code": 502, "message": "upstream"}}),
    "MiniMax": chat(GOOD, body={"base_resp": {"status_code": 0, "status_msg": ""}}),
    "DeepSeek, SGLang: keep-alive": b"\n" * 5000 + chat(GOOD),
    "keep-alive with carriage returns and a byte order mark": b"\r\n \r\n\xef\xbb\xbf" + chat(GOOD),
    "OpenRouter: comments first": b": OPENROUTER PROCESSING\n\n" * 9 + chat(GOOD),
    "9router #3492: an end of stream behind the body": chat(GOOD) + b"\n\ndata: [DONE]\n\n",
    "a stream that is one event": b"data: " + chat(GOOD) + b"\n\ndata: [DONE]\n\n",
    "a stream of chunks": stream(": OPENROUTER PROCESSING", *CHUNKS, LAST, "data: [DONE]"),
    "a stream with Windows line ends": stream("event: message\r\nid: 1\r\n" + CHUNKS[0], *CHUNKS[1:], LAST, between="\r\n\r\n"),
    "a stream with single line ends": stream(*CHUNKS, LAST, "data: [DONE]", between="\n"),
    "a stream without its usage": stream(*CHUNKS, "data: [DONE]"),
    **{f"finish_reason {finish!r}": chat(GOOD, finish) for finish in (None, "", 1, 0, 2.0, True, "eos", "eos_token", "EOS_TOKEN", "end_turn", "stop_sequence", "STOP", "COMPLETE", "tool_calls", "null", "unknown", [], {"type": "stop"}, "FINISH_REASON_UNSPECIFIED")},
    **{f"finish_reason {finish!r} beside a whole answer": chat(GOOD, finish) for finish in ("error", "abort", "network_error", "insufficient_system_resource")},
}  # fmt: skip

#: What is no answer, and the reason that it is given.
NAMED = {
    "only a thought": (chat(f"<think>{GOOD}</think>"), "bad_json"),
    "a thought without an end": (chat(f"<think>I would say {DRAFT}"), "bad_json"),
    "only the analysis of gpt-oss": (chat(f"<|channel|>analysis<|message|>{GOOD}<|end|>"), "bad_json"),
    "thoughts with a draft in the place of reasoning": (chat(None, reasoning_content=f"Perhaps {DRAFT}?"), "refusal"),
    "two drafts in the place of reasoning": (chat(None, reasoning_content=f"{DRAFT}\n{GOOD}"), "refusal"),
    "content that is another JSON": (chat({"a": "\ud800"}), "bad_shape"),
    "a choice that is null": (b'{"choices": [null]}', "bad_shape"),
    "a part of thinking alone": (chat([{"type": "thinking", "thinking": GOOD}]), "bad_shape"),
    "a tool call of another shape": (chat(None, tool_calls=[{"function": {"arguments": '{"q": 1}'}}]), "bad_shape"),
    "prose": (chat("I cannot do that."), "bad_json"),
    "typographic quotes": (chat(GOOD.replace('"', "\u201d")), "bad_json"),
    "Python that only looks like its print": (chat("{'summaries': [{'author_id': '101', 'summary': 'a ''b'''}]}"), "bad_json"),
    "a row lost its comma": (chat(GOOD.replace("}, {", "} {")), "bad_json"),
    "a quote not escaped": (chat(GOOD.replace('\\"peat\\"', '"peat"')), "bad_json"),
    "an answer within a string that is broken": (chat(f'{{"summaries": [{{"author_id": "101", "summary": "x {LIST} y"}}]}}'), "bad_json"),
    "two members with rows": (chat(json.dumps({"old": ROWS, "new": ROWS})), "bad_shape"),
    "by id": (chat(json.dumps({"summaries": ALL})), "bad_shape"),
    "without ids": (chat(json.dumps([{"summary": "x"}, {"summary": "y"}])), "bad_shape"),
    "cut while it thought": (chat(f"<think>I would say {DRAFT}", "length"), "truncated"),
    "cut, without a mark of thinking": (chat(f"I would say {DRAFT}, or {DRAFT[:90]}", "MAX_TOKENS"), "truncated"),
    "cut before its second row": (chat(GOOD[:60], "max_output_tokens"), "truncated"),
    "a stream cut off": (stream(*CHUNKS), "bad_json"),
    "a stream cut within an event": (stream(*CHUNKS, LAST)[:-80], "bad_json"),
    **{f"finish_reason {finish}": (chat(GOOD, finish), "content_filter") for finish in ("content_filter", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "sensitive", "guardrail_intervened", "ERROR_TOXIC")},
    "Anthropic's refusal": (chat("", "refusal"), "refusal"),
    "no choices": (b'{"id": "c", "object": "chat.completion", "choices": []}', "no_choice"),
}  # fmt: skip
