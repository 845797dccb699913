"""Charts are plain pictures: well-formed, the same each time, and nothing in them is run."""

import base64
from xml.etree import ElementTree as ET

import pytest

from summarizer_assets.charts import BLUE, Chart, draw, plain


def two_bars(axes) -> None:
    axes.barh([plain("a $x_1$ <script>&"), "b"], [1, 2], color=BLUE)
    axes.set_xlabel("authors")


def test_a_chart_is_well_formed_svg_that_holds_its_labels_as_text_and_no_script():
    chart = draw("Failures", two_bars, two_bars)
    tree = ET.fromstring(chart.svg)
    assert [node for node in tree.iter() if node.tag.endswith("script")] == []
    texts = [node.text for node in tree.iter() if node.tag.endswith("text")]
    assert texts.count("a $x_1$ <script>&") == 2
    assert texts.count("authors") == 2


def test_the_same_chart_is_the_same_bytes():
    assert draw("t", two_bars).svg == draw("t", two_bars).svg


@pytest.mark.parametrize("title", ["plain", "a ] that would [end](x) the alt text", "two\nlines"])
def test_the_markdown_of_a_chart_is_one_image(title):
    markdown = Chart(title, b"<svg/>").markdown
    assert "\n" not in markdown
    head, _, source = markdown.rpartition("](data:image/svg+xml;base64,")
    assert head.startswith("![")
    assert "]" not in head.replace(r"\]", "")
    assert base64.b64decode(source.rstrip(")")) == b"<svg/>"
