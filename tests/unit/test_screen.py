import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.errors import RejectedError
from hub.gateway.charsets import as_utf8
from hub.gateway.screen import Scan, ShapeLimits, parse, scan
from hub.gateway.soap_envelope import SoapVersion

LIMITS = ShapeLimits()
SOAP_11 = SoapVersion.SOAP_11.value
RARE_NAMES = "喆㛃䶮𬭎"


def refusal(body: str | bytes, header_charset: str | None = None) -> str:
    """The code with which the screen refuses a body."""
    with pytest.raises(RejectedError) as error:
        screened(body, header_charset)
    return error.value.code


def screened(body: str | bytes, header_charset: str | None = None) -> str | None:
    """Text of the first body child's text of a message that passes."""
    raw = body.encode() if isinstance(body, str) else body
    content = as_utf8(raw, header_charset).content
    scan(content, LIMITS, Scan())
    return parse(content, LIMITS).findtext("{*}Body/{*}x")


def outcome(body: str | bytes) -> str:
    """The code with which the screen refuses a body, or "passed"."""
    try:
        screened(body)
    except RejectedError as error:
        return error.code
    return "passed"


def message(text: str = "", declaration: str = "", inside: str | None = None) -> str:
    inner = f"<x>{text}</x>" if inside is None else inside
    return f'{declaration}<e:Envelope xmlns:e="{SOAP_11}"><e:Body>{inner}</e:Body></e:Envelope>'


def declared(encoding: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>'


# --- charset ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["UTF-8", "utf-8", "utf8"])
def test_declared_utf_8_is_read(encoding: str):
    assert screened(message(RARE_NAMES, declared(encoding))) == RARE_NAMES


@pytest.mark.parametrize("encoding", ["GB2312", "gbk", "GB18030"])
def test_all_gb_names_are_read_as_gb18030(encoding: str):
    assert screened(message(RARE_NAMES, declared(encoding)).encode("gb18030")) == RARE_NAMES


def test_declaration_wins_over_the_header():
    assert screened(message("受理", declared("GBK")).encode("gbk"), "utf-8") == "受理"
    assert screened(message("受理", declared("UTF-8")), "gb2312") == "受理"
    assert screened(message("受理", declared("UTF-8")), "no-such-charset") == "受理"


def test_header_decides_when_nothing_is_declared():
    assert screened(message("受理" + RARE_NAMES).encode("gb18030"), "gb2312") == "受理" + RARE_NAMES


def test_single_quotes_and_blanks_in_the_declaration_are_read():
    assert screened(message("受理", "  \r\n<?xml  version = '1.0'\n encoding = 'gbk' ?>").encode("gbk")) == "受理"


def test_byte_order_mark_is_dropped():
    assert screened(b"\xef\xbb\xbf" + message("受理", declared("utf-8")).encode()) == "受理"
    assert screened(b"\xef\xbb\xbf" + message("受理").encode(), "gbk") == "受理"


def test_mark_of_utf_8_before_a_gbk_declaration_is_a_contradiction():
    assert refusal(b"\xef\xbb\xbf" + message("受理", declared("gbk")).encode("gbk")) == "HUB-1004"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-7", "idna", "unicode_escape", "iso-8859-1", "IBM037", "punycode"])
def test_other_charsets_are_refused_wherever_named(encoding: str):
    assert refusal(message("a", declared(encoding))) == "HUB-1004"
    assert refusal(message("a"), encoding) == "HUB-1004"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_cannot_hide_anything(codec: str):
    assert refusal(("<!DOCTYPE x>" + message()).encode(codec)) == "HUB-1004"


def test_gbk_bytes_declared_or_taken_as_utf_8_are_refused():
    assert refusal(message("受理", declared("utf-8")).encode("gbk")) == "HUB-1004"
    assert refusal(message("受理").encode("gbk")) == "HUB-1004"


def test_utf_8_bytes_declared_as_gbk_are_refused_not_garbled():
    assert refusal(message("安全生产许可证申请", declared("gbk")).encode()) == "HUB-1004"


def test_broken_gb18030_and_overlong_utf_8_are_refused():
    assert refusal(message("", declared("gbk")).encode().replace(b"<x>", b"<x>\xff\xff")) == "HUB-1004"
    assert refusal(message("").encode().replace(b"<x>", b"<x>\xc0\xbc")) == "HUB-1004"


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=7))
def test_gb18030_is_read_as_python_would(text: str):
    read = as_utf8(text.lstrip().encode("gb18030"), "gb2312")
    assert (read.content.decode(), read.charset) == (text.lstrip(), "gb18030")


# --- shape ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document_type",
    [
        "<!DOCTYPE x>",
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>',
        '<!DOCTYPE x PUBLIC "-//a//b" "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_any_doctype_is_refused(document_type: str):
    assert refusal(declared("utf-8") + document_type + message("&b;")) == "HUB-1005"


def test_doctype_inside_gbk_is_refused():
    assert refusal((declared("gbk") + "<!DOCTYPE x>" + message("受理")).encode("gbk")) == "HUB-1005"


def test_processing_instructions_are_refused_everywhere():
    assert refusal('<?xml-stylesheet href="a.xsl"?>' + message()) == "HUB-1015"
    assert refusal(message(inside="<x><?php echo ?></x>")) == "HUB-1015"


def test_undefined_entities_are_refused():
    assert refusal(message("&nbsp;")) == "HUB-1001"


@pytest.mark.parametrize("text", ["\x00", "\x0b", "\x1f", "\ufffe", "&#0;", "&#x1F;", "&#xFFFE;", "&#xD800;"])
def test_characters_that_xml_forbids_are_named_as_such(text: str):
    assert refusal(message(text)) == "HUB-1006"


@pytest.mark.parametrize(
    "body",
    [
        "not xml",
        message()[:-5],
        message(inside="<x>"),
        message(inside="<x></y>"),
        message(inside="<x a='1' a='2'/>"),
        message(inside="<p:x/>"),
        message() + message(),
        "{}",
    ],
)
def test_what_is_not_well_formed_is_refused(body: str):
    assert refusal(body) == "HUB-1001"


def nested(levels: int) -> str:
    return message(inside="<x>" * levels + "</x>" * levels)


def test_depth_is_limited_to_32():
    assert screened(nested(30)) == ""
    assert refusal(nested(31)) == "HUB-1007"
    assert refusal(nested(100_000)) == "HUB-1007"


def test_attributes_of_one_element_are_limited_to_64():
    def with_attributes(count: int) -> str:
        return message(inside="<x " + " ".join(f"a{number}='>'" for number in range(count)) + "/>")

    assert screened(with_attributes(64)) == ""
    assert refusal(with_attributes(65)) == "HUB-1007"
    assert refusal(with_attributes(5000)) == "HUB-1007"


def test_many_elements_with_few_attributes_each_pass():
    assert screened(message(inside="<r>" + "<x a='1' b='2'/>" * 5000 + "</r>")) is None


def test_text_full_of_equals_signs_passes():
    assert screened(message("=" * 5000)) == "=" * 5000


def test_names_are_limited_to_128_characters():
    assert screened(message(inside=f"<{'n' * 128}/>")) is None
    assert refusal(message(inside=f"<{'n' * 129}/>")) == "HUB-1007"


def test_elements_are_limited():
    assert refusal(message(inside="<r>" + "<x/>" * 201_000 + "</r>")) == "HUB-1007"


def test_namespaces_in_scope_are_limited_but_not_their_repetition():
    def declarations(count: int) -> str:
        return "".join(f" xmlns:p{number}='urn:{number}'" for number in range(count))

    inner = f"<x{declarations(60)}>" * 4 + "</x>" * 4
    assert refusal(message(inside=inner)) == "HUB-1007"
    assert screened(message(inside="<r>" + "<x xmlns:p='urn:p'/>" * 1000 + "</r>")) is None


def test_comments_and_cdata_pass():
    assert screened(message("<!-- <!DOCTYPE x> --><![CDATA[<受理>]]>")) == "<受理>"


def test_version_is_known_even_when_the_message_is_refused():
    found = Scan()
    with pytest.raises(RejectedError):
        scan(message(inside="<x>").replace(SOAP_11, SoapVersion.SOAP_12.value).encode(), LIMITS, found)
    assert found.version is SoapVersion.SOAP_12


@pytest.mark.parametrize(
    "body",
    [
        message(inside="<x>" * 1_000_000),
        message("=" * 63 + "a" * 8_000_000),
        message(inside="<x " + "a" * 8_000_000),
        message("<!--" + "-a" * 4_000_000 + "-->"),
        message(inside="<x" + "=" * 2_000_000),
    ],
    ids=["open tags", "equals signs", "long attribute name", "comment", "equals in a tag"],
)
def test_hostile_megabytes_are_answered(body: str):
    assert outcome(body) in ("passed", "HUB-1001", "HUB-1007")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_code_or_parsed(body: bytes):
    assert re.fullmatch("passed|HUB-10..", outcome(body))


MARKUP = ["<x>", "</x>", "<e:Body>", "=", "&amp;", "<!--", "-->", "<![CDATA[", "]]>", " a='1'", "<?p?>", "受"]


@given(st.lists(st.sampled_from(MARKUP)))
def test_any_soup_of_markup_is_refused_with_a_code_or_parsed(parts: list[str]):
    assert re.fullmatch("passed|HUB-10..", outcome(message(inside="".join(parts))))
