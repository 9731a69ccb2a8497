"""Size that a compressed image itself announces, whatever the DICOM header around it says.

A decoder allocates memory for this size, so it is compared with the header before anything is decoded.
"""

import struct

from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

_JPEG = {*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes}
#: Markers of JPEG frames: all SOF markers, including the marker of JPEG-LS.
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD8)}
_START_OF_SCAN = 0xDA
_HIERARCHICAL = 0xDE


def announced(codestream: bytes, transfer_syntax: str) -> tuple[int, int, int] | None:
    """Return rows, columns and components of a compressed image, or None if its compression announces none.

    Raises:
        ValueError: The codestream does not begin as its compression requires.
        LookupError: The codestream ends too early.
        struct.error: The codestream ends too early.
    """
    if transfer_syntax in _JPEG:
        return _of_jpeg(codestream)
    if transfer_syntax in JPEG2000TransferSyntaxes:
        return _of_jpeg_2000(codestream)
    return None


def _of_jpeg(codestream: bytes) -> tuple[int, int, int]:
    if codestream[:2] != b"\xff\xd8":
        raise ValueError("no JPEG")
    place = 2
    while True:
        if codestream[place] != 0xFF:
            raise ValueError("no marker")
        marker = codestream[place + 1]
        if marker in _FRAMES:
            rows, columns, components = struct.unpack_from(">HHB", codestream, place + 5)
            return rows, columns, components
        if marker in {_START_OF_SCAN, _HIERARCHICAL}:
            raise ValueError("no single frame")
        if marker == 0xFF:  # fill
            place += 1
        elif marker in _ALONE:
            place += 2
        else:
            place += 2 + struct.unpack_from(">H", codestream, place + 2)[0]


def _of_jpeg_2000(codestream: bytes) -> tuple[int, int, int]:
    if codestream[:4] != b"\xff\x4f\xff\x51":
        raise ValueError("no JPEG 2000 codestream")
    right, bottom, left, top = struct.unpack_from(">4I", codestream, 8)
    [components] = struct.unpack_from(">H", codestream, 40)
    return bottom - top, right - left, components
