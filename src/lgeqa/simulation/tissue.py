"""The tissues of the phantom and their signal properties."""

from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple


class Tissue(IntEnum):
    """Codes of `Phantom.labels`."""

    AIR = 0
    LUNG = 1
    FAT = 2
    MUSCLE = 3
    BONE = 4
    CSF = 5
    LIVER = 6
    SPLEEN = 7
    GUT = 8
    CONNECTIVE = 9
    BLOOD = 10
    MYOCARDIUM = 11
    WALL = 12
    FIBROSIS = 13
    AORTIC_WALL = 14
    VALVE = 15


class Properties(NamedTuple):
    """Signal properties of a tissue.

    Attributes:
        t1_ms: T1 about 15 minutes after contrast at 1.5 T.
        density: Proton density times the T2* decay to the echo, relative to blood.
        grain: Standard deviation of the fine texture, relative to the signal.
    """

    t1_ms: float
    density: float
    grain: float


#: T1 are rounded choices, not the values of one study: blood is nearly as short as scar, and both are well below
#: myocardium, as in Biglands et al., JCMR 2012 (14:66, figure 18, after 0.2 mmol/kg). The level depends on dose and
#: kidney function (15 minutes after contrast, JCMR 2013, 15:11, has 425 ms in infarct, 450 in blood and 540 in
#: myocardium by MOLLI). T1 of fat, muscle and organs are rounded choices too. Densities and grains are fitted by eye to
#: real scans.
#:
#: BONE is marrow. GUT is the wall of oesophagus, stomach and airways. CONNECTIVE is enhancing tissue in thin sheets:
#: skin, pericardium, ligaments. WALL is the healthy wall of the left atrium, AORTIC_WALL the wall of the aorta and the
#: pulmonary arteries. A wall or valve that enhances less has a T1 closer to myocardium.
PROPERTIES: Final = MappingProxyType(
    {
        Tissue.AIR: Properties(1000.0, 0.0, 0.0),
        Tissue.LUNG: Properties(330.0, 0.12, 0.3),
        Tissue.FAT: Properties(250.0, 0.9, 0.15),
        Tissue.MUSCLE: Properties(510.0, 0.8, 0.15),
        Tissue.BONE: Properties(300.0, 0.6, 0.15),
        Tissue.CSF: Properties(3500.0, 1.1, 0.02),
        Tissue.LIVER: Properties(325.0, 0.85, 0.05),
        Tissue.SPLEEN: Properties(320.0, 0.9, 0.05),
        Tissue.GUT: Properties(350.0, 0.8, 0.15),
        Tissue.CONNECTIVE: Properties(320.0, 0.7, 0.15),
        Tissue.BLOOD: Properties(325.0, 1.0, 0.035),
        Tissue.MYOCARDIUM: Properties(450.0, 0.85, 0.06),
        Tissue.WALL: Properties(390.0, 0.85, 0.1),
        Tissue.FIBROSIS: Properties(280.0, 0.9, 0.12),
        Tissue.AORTIC_WALL: Properties(310.0, 0.85, 0.08),
        Tissue.VALVE: Properties(290.0, 0.85, 0.12),
    }
)
