"""Every part of a form arrives as it was sent, whatever the client; what is no form is told so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from service.api.uploads import Part, read_form
from tests.conftest import golden

MOST = 10


def written(*parts: tuple[str, bytes]) -> bytes:
    """A form of heads and contents, as browsers and curl write it."""
    return b"".join(b"--b\r\n%s\r\n\r\n%s\r\n" % (head.encode(), data) for head, data in parts) + b"--b--\r\n"


def disposition(rest: str) -> str:
    return f"Content-Disposition: form-data; {rest}"


def one(head: str, data: bytes = b"x") -> Part:
    (part,) = read_form(written((head, data)), "b", MOST)
    return part


FILE = disposition('name="image"; filename="a.png"')


@given(st.lists(st.binary(), max_size=MOST))
def test_every_file_arrives_as_it_was_sent(contents: list[bytes]) -> None:
    body = written(*((FILE, data) for data in contents))
    assert [part.data for part in read_form(body, "b", MOST)] == contents


@pytest.mark.parametrize(
    ("head", "name", "filename"),
    [
        (FILE, "image", "a.png"),
        (disposition('name="image"; filename=""'), "image", ""),
        (disposition('name="image"'), "image", None),
        (disposition("name=image; filename=a.png"), "image", "a.png"),
        (disposition('filename="a.png"; name="image"'), "image", "a.png"),
        (disposition('name="image"; filename="ä b.png"'), "image", "ä b.png"),
        (disposition('name="image"; filename="a%22b.png"'), "image", 'a"b.png'),
        (disposition('name="image"; filename="a\\"b.png"'), "image", 'a"b.png'),
        (disposition("name=\"image\"; filename*=UTF-8''%c3%a4.png"), "image", "ä.png"),
        (f"{FILE}\r\nContent-Type: image/png\r\nX-Other: y", "image", "a.png"),
        (f"content-type: image/png\r\n{FILE.lower()}", "image", "a.png"),
        (disposition('filename="a.png"'), "", "a.png"),
    ],
)
def test_names_are_read_as_clients_write_them(head: str, name: str, filename: str | None) -> None:
    assert one(head) == Part(name, filename, b"x")


@pytest.mark.parametrize(
    ("rest", "filename"),
    [
        (b'name="image"; filename="m\xfcller.png"', "m\N{REPLACEMENT CHARACTER}ller.png"),
        ('name="image"; filename="文件.png"'.encode("gbk"), None),
        ('name="image"; filename="表"'.encode("shift-jis"), None),
        (b"name=\"image\"; filename*=iso-8859-1'de'm%FCller.png", "müller.png"),
        (b"name=\"image\"; filename*=UTF-8''m%FCller.png", "m\N{REPLACEMENT CHARACTER}ller.png"),
        (b'name="image"; filename*=\xfc.png', None),
        (b'name="image"; filename="a\0\x1b[1m%0D%0A.png"', "a\ufffd\ufffd[1m\ufffd\ufffd.png"),
        (b'name="image"; filename="a.png"\r\nContent-Type: image/png; name="\xfc.png"', "a.png"),
    ],
)
def test_a_head_in_any_encoding_is_that_of_a_file(client: Client, rest: bytes, filename: str | None) -> None:
    for data, status in ((golden(), 200), (b"no picture", 415)):
        body = b"--b\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n--b--\r\n" % (rest, data)
        answer = client.post("/models/mnist/predict", data=body, content_type="multipart/form-data; boundary=b")
        assert answer.status_code == status, answer.get_data(as_text=True)
        told = answer.get_json()
        assert status == 415 or told["predictions"][0]["label"] == "7"
    assert told["file"].isprintable() and (filename is None or told["file"] == filename)


@pytest.mark.parametrize("following", [b"--b--\r\n", written((FILE, b"x"))])
def test_an_empty_file_may_lack_the_line_break_after_it(following: bytes) -> None:
    first, *others = read_form(b"--b\r\n%s\r\n\r\n%s" % (FILE.encode(), following), "b", MOST)
    assert first == Part("image", "a.png", b"") and all(part.data == b"x" for part in others)


@pytest.mark.parametrize("data", [b"\r\n", b"x\r\n", b"\r\n\r\n", b"--", b"\r\n-", b"\r\n--a"])
def test_what_looks_like_an_end_is_none(data: bytes) -> None:
    assert [part.data for part in read_form(written((FILE, data), (FILE, b"y")), "b", MOST)] == [data, b"y"]


def test_what_stands_before_and_behind_a_form_is_passed_over() -> None:
    assert len(read_form(b"preamble\r\n" + written((FILE, b"x")) + b"epilogue", "b", MOST)) == 1
