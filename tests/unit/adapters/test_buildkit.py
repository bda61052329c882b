"""What BuildKit tells is understood as far as it matters, and what is no such message is refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decodeat_ops.adapters.buildkit import Trace, fields


def varint(number: int) -> bytes:
    found = b""
    while True:
        number, low = number >> 7, number & 0x7F
        found += bytes([low | (0x80 if number else 0)])
        if not number:
            return found


def message(*parts: tuple[int, str | bytes | int]) -> bytes:
    """Write a message as protocol buffers do, field by field."""
    data = b""
    for number, value in parts:
        if isinstance(value, int):
            data += varint(number << 3) + varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            data += varint(number << 3 | 2) + varint(len(content)) + content
    return data


def vertex(digest: str, name: str, *, done: bool = False, error: str = "") -> bytes:
    """Write a step as BuildKit does: its digest, that of another one, its name, whether it was cached, and times."""
    parts: list[tuple[int, str | bytes | int]] = [(1, digest), (2, "another"), (3, name), (4, 1), (5, message((1, 7)))]
    parts += [(6, message((1, 300)))] if done else []
    return message(*parts, *([(7, error)] if error else []))


def told(*parts: tuple[int, str | bytes | int]) -> str:
    return base64.b64encode(message(*parts)).decode()


def test_steps_their_ends_and_what_they_print() -> None:
    trace = Trace()
    begun = [(1, vertex("a", "[1/2] FROM python")), (1, vertex("i", "[internal] load .dockerignore", done=True))]
    assert trace.read(told(*begun)) == ()
    assert (trace.latest, len(trace.names), len(trace.done)) == ("[1/2] FROM python", 1, 0)
    log = message((1, "b"), (2, message((1, 9))), (3, 1), (4, "one\ntwo 한국\n"))
    ended, next_one = vertex("a", "[1/2] FROM python", done=True), vertex("b", "[2/2] RUN x")
    assert trace.read(told((1, ended), (1, next_one), (3, log))) == ("one", "two 한국")
    assert (trace.latest, len(trace.names), len(trace.done)) == ("[2/2] RUN x", 2, 1)
    assert trace.read(told((1, vertex("b", "[2/2] RUN x", done=True, error="exit code: 1")))) == (
        "[2/2] RUN x: exit code: 1",
    )


def test_fields_of_every_kind_are_passed_over() -> None:
    fixed = varint(9 << 3 | 1) + bytes(8) + varint(9 << 3 | 5) + bytes(4)
    assert [number for number, _ in fields(fixed + message((2, 2**40), (3, "x")))] == [9, 9, 2, 3]
    assert Trace().read(base64.b64encode(fixed + message((4, "a warning"))).decode()) == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"\x0b", "unknown kind 3"), (b"\x0a\x05a", "is cut off"), (b"\xff" * 11, "is cut off"), (b"\x0a", "is cut off")],
)
def test_what_is_no_message_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Trace().read(base64.b64encode(data).decode())
    with pytest.raises(ValueError, match="no base64"):
        Trace().read("no base64!")


@given(st.binary(max_size=200))
def test_no_bytes_break_it_in_another_way(data: bytes) -> None:
    try:
        Trace().read(base64.b64encode(data).decode())
    except ValueError as error:
        assert str(error)
