"""Which addresses are a provider's, in what form they are kept, and which are refused."""

import json
import string
from functools import partial
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets import endpoint as addresses
from summarizer_assets.endpoint.metadata import metadata_service
from summarizer_assets.llm.protocols.anthropic_messages import ANTHROPIC_MESSAGES
from summarizer_assets.llm.protocols.gemini_content import GEMINI_CONTENT
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT

endpoint = partial(addresses.endpoint, added=OPENAI_CHAT.path)

#: As their pages document them, one a form.
DOCUMENTED = [
    "https://api.openai.com/v1",
    "https://generativelanguage.googleapis.com/v1beta/openai/",
    "https://aiplatform.googleapis.com/v1/projects/P/locations/global/endpoints/openapi",
    "https://api.deepinfra.com/v1/openai",
    "https://models.github.ai/inference",
    "https://models.github.ai/orgs/ORG/inference",
    "https://open.bigmodel.cn/api/paas/v4",
    "https://ark.cn-beijing.volces.com/api/v3",
    "https://api.cloudflare.com/client/v4/accounts/0123456789abcdef0123456789abcdef/ai/v1",
    "https://gateway.ai.cloudflare.com/v1/0123456789abcdef0123456789abcdef/my-gateway/compat",
    "https://api.perplexity.ai",
    "https://RESOURCE.openai.azure.com/openai/v1",
    "https://RESOURCE.openai.azure.com/openai/v1?api-version=preview",
    "https://RESOURCE.openai.azure.com/openai/deployments/my-gpt-4o-mini-2024-07-18?api-version=2024-10-21",
    "https://RESOURCE.services.ai.azure.com/models?api-version=2024-05-01-preview",
    "https://adb-1234567890123456.7.azuredatabricks.net/serving-endpoints",
    "https://1234567890123456.ai-gateway.cloud.databricks.com/mlflow/v1",
    "https://my-workspace.cloud.databricks.com/ai-gateway/mlflow/v1",
    "https://api.anthropic.com/v1/",
    "https://openrouter.ai/api/v1",
    "https://api.groq.com/openai/v1",
    "https://api.fireworks.ai/inference/v1",
    "https://api.together.xyz/v1",
    "https://api.mistral.ai/v1",
    "https://api.deepseek.com",
    "https://api.deepseek.com/v1",
    "https://api.moonshot.ai/v1",
    "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    "https://api.inference.wandb.ai/v1",
    "https://router.huggingface.co/v1",
    "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1",
    "http://127.0.0.1:11434/v1",
    "http://localhost:1234/v1",
    "http://10.1.2.3:8000/v1",
    "http://192.168.0.7:30000/v1",
    "http://[::1]:8080/v1",
    "http://[fd12:3456::7]:8000/v1",
    "http://vllm.models.svc.cluster.local:8000/v1",
]


def test_a_base_of_another_protocol_is_completed_and_the_path_of_the_usual_one_refused() -> None:
    of_messages = partial(addresses.endpoint, added=ANTHROPIC_MESSAGES.path, base_path=ANTHROPIC_MESSAGES.base_path)
    for tail in ("", "/", "/v1", "/v1/", "/v1/messages", "/v1/messages/"):
        kept = of_messages(f"https://gateway.example.org/anthropic{tail}?x=1")
        assert kept == "https://gateway.example.org/anthropic/v1?x=1"
        assert of_messages(kept) == kept
    with pytest.raises(ValueError, match=r"ends in /completions.*SUMMARIZER_LLM_PROTOCOL=openai"):
        of_messages("https://host/v1/chat/completions")


def test_a_base_of_a_protocol_with_the_model_in_its_path_is_what_stands_before_that() -> None:
    of_gemini = partial(addresses.endpoint, added=GEMINI_CONTENT.path, base_path=GEMINI_CONTENT.base_path)
    for tail in ("", "/", "/v1beta", "/v1beta/models", "/v1beta/models/m", "/v1beta/models/m:generateContent"):
        kept = of_gemini(f"https://host/x{tail}?y=1")
        assert kept == "https://host/x/v1beta?y=1"
        assert of_gemini(kept) == kept
    assert of_gemini("https://host/v1/projects/p/publishers/google") == "https://host/v1/projects/p/publishers/google"
    with pytest.raises(ValueError, match=r"ends in :generatecontent.*SUMMARIZER_LLM_PROTOCOL=gemini"):
        endpoint("https://host/v1beta/models/m:generateContent")


@pytest.mark.parametrize("url", DOCUMENTED)
def test_every_documented_base_is_taken_and_so_is_the_whole_address_with_chat_completions(url: str) -> None:
    kept = endpoint(url)
    base, mark, query = url.partition("?")
    assert kept == base.rstrip("/") + mark + query
    assert endpoint(kept) == kept
    for tail in ("/", "/chat/completions", "/chat/completions/"):
        assert endpoint(base.rstrip("/") + tail + mark + query) == kept


SECRETS = [
    "https://user@host/v1",
    "https://user:canary-0123@host/v1",
    "https://:canary-0123@host/v1",
    "https://@host/v1",
    "https://host/v1?key=canary-0123",
    "https://host/v1?api_key=canary-0123",
    "https://host/v1?api-key=canary-0123",
    "https://host/v1?apikey=canary-0123",
    "https://host/v1?subscription-key=canary-0123",
    "https://host/v1?access_token=canary-0123",
    "https://host/v1?api-version=2024-10-21&AuthToken=canary-0123",
    "https://host/v1?sig=canary-0123",
    "https://host/v1?code=canary-0123",
    "https://host/v1?x=sk-canary-0123456789",
    "https://host/v1?sk-canary-0123456789",
    "https://host/v1?x=AIzacanary0123456789012345678901234567",
    "https://host/v1?x=canary0123456789abcdefghijkl",
    "https://host/sk-canary-0123456789/v1",
    "https://host/v1#canary-0123",
]


@pytest.mark.parametrize("url", SECRETS)
def test_a_secret_in_the_address_is_refused_with_the_remedy_and_is_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match=r"SUMMARIZER_LLM_API_KEY|leave it out") as caught:
        endpoint(url)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "api-version=2024-10-21",
        "api-version=2025-04-01-preview",
        "api-version=preview",
        "deployment=my-gpt-4o-mini-2024-07-18",
        "project=123e4567-e89b-12d3-a456-426614174000",
        "max_tokens=5&region=eu-west-1",
        "version=2023-05-29",
    ],
)
def test_a_query_that_is_no_secret_is_kept(query: str) -> None:
    assert endpoint(f"https://host/v1/?{query}") == f"https://host/v1?{query}"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("https://api.openai.com/v1/responses", "ends in /responses, which is another interface"),
        ("https://api.anthropic.com/v1/messages", "ends in /messages"),
        ("https://host/v1/completions", "ends in /completions"),
        ("https://ws.cloud.databricks.com/serving-endpoints/x/invocations", "https://workspace/serving-endpoints"),
        ("https://host/v1beta/models/gemini:generateContent", "ends in :generatecontent"),
        ("ftp://host/v1", "not an http"),
        ("https:///v1", "not an http"),
        ("https://0300.0250.0.1/v1", "no host's name or address"),
        ("https://127.0.0.1%00/v1", "no host's name or address"),
        ("https://host\\@169.254.169.254/v1", "not an http"),
        ("https://ho st/v1", "not an http"),
        ("https://host/v1\nx", "not an http"),
        ("", "not an http"),
    ],
)
def test_what_is_no_base_is_refused_with_what_to_give(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        endpoint(url)


# Metadata services.

METADATA_4 = ["169.254.169.254", "169.254.170.2", "169.254.0.23", "100.100.100.200", "168.63.129.16", "192.0.0.192"]
METADATA_6 = ["fe80::a9fe:a9fe", "febf::1", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42"]
NAMES = ["metadata.google.internal", "metadata.goog", "metadata", "metadata.azure.internal", "instance-data"]
ALLOWED_4 = ["127.0.0.1", "10.0.0.1", "172.16.9.9", "192.168.1.1", "100.64.0.1", "8.8.8.8", "169.253.255.255"]
ALLOWED_6 = ["::1", "fd12:3456::7", "2001:4860:4860::8888", "fec0::1", "fd00:ec3::254"]


@st.composite
def spelt_4(draw: st.DrawFn, addresses: list[str]) -> str:
    """An IPv4 address with one to four parts, each decimal, octal or hexadecimal, with zeros in front."""
    octets = IPv4Address(draw(st.sampled_from(addresses))).packed
    front = draw(st.integers(0, 3))
    numbers = [*octets[:front], int.from_bytes(octets[front:], "big")]

    def spelt(number: int) -> str:
        form = draw(st.sampled_from(["d", "0o", "0x", "0X"]))
        zeros = "0" * draw(st.integers(0, 3))
        match form:
            case "d":
                return str(number)
            case "0o":
                return f"0{zeros}{number:o}"
            case _:
                return f"{form}{zeros}{number:x}"

    return ".".join(map(spelt, numbers))


@st.composite
def wrapped_4(draw: st.DrawFn, addresses: list[str]) -> str:
    """An IPv6 address by which an IPv4 address is reached."""
    value = int(IPv4Address(draw(st.sampled_from(addresses))))
    some = draw(st.integers(0, 2**16 - 1))
    high, low = divmod(value, 1 << 16)
    forms = [
        0xFFFF << 32 | value,  # mapped
        value,  # compatible
        0xFFFF << 48 | value,  # translated
        int(IPv6Address("64:ff9b::")) | value,  # NAT64
        int(IPv6Address("64:ff9b:1::")) | some << 32 | value,  # NAT64 of one's own, 96 bits
        int(IPv6Address("64:ff9b:1::")) | high << 64 | low << 40,  # the same, 48 bits
        int(IPv6Address("2002::")) | value << 80 | some,  # 6to4
        int(IPv6Address("2001::")) | value << 64 | some,  # Teredo's server
        int(IPv6Address("2001::")) | (~value & 0xFFFFFFFF),  # Teredo's client
        int(IPv6Address("2001:db8::")) | 0x5EFE << 32 | value,  # ISATAP
    ]
    return str(IPv6Address(draw(st.sampled_from(forms))))


@st.composite
def dressed(draw: st.DrawFn, hosts: st.SearchStrategy[str]) -> str:
    """The host in a URL: mixed case, a dot behind, full-width or percent-encoded characters, exploded groups."""
    host = draw(hosts)
    if ":" in host:
        host = draw(st.sampled_from([host, IPv6Address(host).exploded]))
        zone = draw(st.sampled_from(["", "%25eth0"])) if host.startswith("fe") else ""
        return f"[{''.join(draw(st.sampled_from([c, c.upper()])) for c in host)}{zone}]"
    host = "".join(draw(st.sampled_from([c, c.upper()])) if c in string.ascii_letters else c for c in host)
    match draw(st.sampled_from(["plain", "wide", "dots", "percent"])):
        case "wide":
            host = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in host)
        case "dots":
            host = host.replace(".", "\u3002")
        case "percent":
            host = "".join(f"%{ord(c):02x}" if c.isdigit() else c for c in host)
    return host + draw(st.sampled_from(["", "."]))


@given(dressed(st.sampled_from(NAMES + METADATA_6) | spelt_4(METADATA_4) | wrapped_4(METADATA_4)))
def test_a_metadata_service_is_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(ValueError, match="metadata service"):
        endpoint(f"http://{host}:80/v1")


@given(dressed(st.sampled_from(ALLOWED_6) | spelt_4(ALLOWED_4)))
def test_loopback_and_private_addresses_stay_allowed_in_every_spelling_that_a_url_may_have(host: str) -> None:
    assert metadata_service(host) is None
    try:
        assert endpoint(f"http://{host}:8000/v1") == f"http://{host}:8000/v1"
    except ValueError as error:
        assert "no host's name or address as a URL spells it" in str(error)  # noqa: PT017 - some spellings may be refused


@given(st.integers(0, 2**128 - 1).map(IPv6Address) | st.integers(0, 2**32 - 1).map(IPv4Address) | st.text())
def test_nothing_makes_the_check_fall_over(host: object) -> None:
    metadata_service(str(host))


def test_the_documented_bases_are_told_apart_from_metadata() -> None:
    assert not any(metadata_service(json.loads(f'"{url}"').split("/")[2]) for url in DOCUMENTED)
