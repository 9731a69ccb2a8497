"""Headers of the frames of a DICOM file, in the elements of a classic image whatever the kind of the file.

An enhanced file describes its frames in functional groups: macros that all frames share, and macros of each frame.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydicom import Dataset
from pydicom.tag import Tag

from lgeqa.errors import ReadError

_SHARED, _PER_FRAME = Tag("SharedFunctionalGroupsSequence"), Tag("PerFrameFunctionalGroupsSequence")
#: Elements that a header must be read with.
FRAME_ELEMENTS: Final = (Tag("NumberOfFrames"), _SHARED, _PER_FRAME)
#: Macros that are read. The last two hold what a converter of classic images could not assign.
_MACROS: Final = tuple(
    map(
        Tag,
        (
            "PixelMeasuresSequence",
            "PlanePositionSequence",
            "PlaneOrientationSequence",
            "PixelValueTransformationSequence",
            "FrameContentSequence",
            "MRImageFrameTypeSequence",
            "MREchoSequence",
            "MRModifierSequence",
            "MRDiffusionSequence",
            "CardiacSynchronizationSequence",
            "UnassignedSharedConvertedAttributesSequence",
            "UnassignedPerFrameConvertedAttributesSequence",
        ),
    )
)
#: Private sequence in which Philips repeats each frame in classic elements, and the creator of its block. Its position
#: is that of the corner of the image, half a pixel off.
_PHILIPS: Final = (0x2005, "Philips MR Imaging DD 005", 0x0F)
_PHILIPS_LEFT_OUT: Final = {Tag("ImagePositionPatient"), Tag("ImageOrientationPatient")}
#: Elements of macros with the classic elements of the same meaning.
_CLASSIC: Final = {
    "FrameType": "ImageType",
    "EffectiveEchoTime": "EchoTime",
    "InversionTimes": "InversionTime",
    "FrameAcquisitionNumber": "AcquisitionNumber",
    "TemporalPositionIndex": "TemporalPositionIdentifier",
    "NominalCardiacTriggerDelayTime": "TriggerTime",
}


def frame_headers(header: Dataset, where: str) -> Iterator[Dataset]:
    """Yield the header of each frame as that of a classic image, which is the header itself for a classic image.

    What is given for a frame takes precedence over what frames share, and that over the elements of the file.

    Args:
        header: Header that was read with `FRAME_ELEMENTS`.
        where: Name of the file in messages.

    Raises:
        ReadError: A file of several frames has no functional groups, or not one for each frame.
    """
    announced = int(header.get("NumberOfFrames") or 1)
    if _PER_FRAME not in header:
        if announced == 1:
            yield header
            return
        raise ReadError(
            f"{where}: is a multi-frame DICOM image ({announced} frames) without functional groups, so the "
            "positions of its frames are unknown. Export the scan as enhanced MR or as single images."
        )
    frames = header[_PER_FRAME].value
    if len(frames) != announced:
        raise ReadError(
            f"{where}: its header announces {announced} frames, but describes {len(frames)}. Copy or export it again."
        )
    shared = header[_SHARED].value[:1] if _SHARED in header else []
    for frame in frames:
        yield _as_classic(header, [*shared, frame])


def _as_classic(header: Dataset, groups: Sequence[Dataset]) -> Dataset:
    """Return the elements of a file and of functional groups, in ascending precedence, as those of a classic image."""
    parts = [header, *(part for group in groups for part in _philips_part(group))]
    parts += [part for group in groups for macro in _MACROS if macro in group for part in group[macro].value[:1]]
    classic = Dataset()
    for part in parts:
        classic.update({tag: part.get_item(tag) for tag in part.keys() if tag not in FRAME_ELEMENTS})  # noqa: SIM118
    for enhanced, keyword in _CLASSIC.items():
        if enhanced in classic:
            element = classic[enhanced]
            classic.add_new(Tag(keyword), element.VR, element.value)
    return classic


def _philips_part(group: Dataset) -> list[Dataset]:
    """Return the private description of a frame by Philips without its position, or nothing."""
    try:
        element: Any = group.private_block(_PHILIPS[0], _PHILIPS[1])[_PHILIPS[2]]
    except KeyError:
        return []
    parts: list[Dataset] = element.value[:1]
    for part in parts:
        for tag in _PHILIPS_LEFT_OUT & part.keys():
            del part[tag]
    return parts
