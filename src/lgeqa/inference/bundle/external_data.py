"""Detection of ONNX networks that keep weights in separate files, which ONNX Runtime would open anywhere on disk.

Only the fields of onnx.proto3 that lead to a tensor are followed, which needs no library.
"""

from collections.abc import Iterator
from typing import Final

_VARINT, _EIGHT_BYTES, _MESSAGE, _GROUP, _END_OF_GROUP, _FOUR_BYTES = range(6)
#: Fields of each kind of message that hold other messages, with the kind that they hold.
_HOLDS: Final = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def has_external_data(network: bytes) -> bool:
    """Return whether a tensor of an ONNX network, at any depth, names another file.

    Raises:
        ValueError: The bytes are not a Protocol Buffers message.
    """
    waiting = [("model", memoryview(network))]
    while waiting:
        kind, message = waiting.pop()
        for field, value in _fields(message):
            if kind == "tensor" and (field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value != 0)):
                return True
            child = _HOLDS[kind].get(field)
            if child and isinstance(value, memoryview):
                waiting.append((child, value))
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field, with fixed-length numbers as bytes."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        wire = key & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if wire in (_GROUP, _END_OF_GROUP):  # unused in ONNX, so its content is read as the message's own
            continue
        if wire == _MESSAGE:
            length, place = _varint(message, place)
        elif wire in (_FOUR_BYTES, _EIGHT_BYTES):
            length = 4 if wire == _FOUR_BYTES else 8
        else:
            raise ValueError(f"wire type {wire}")
        if place + length > len(message):
            raise ValueError("cut")
        yield key >> 3, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(message[place : place + 10]):
        value |= (byte & 127) << (7 * index)
        if byte < 128:
            return value, place + index + 1
    raise ValueError("varint")
