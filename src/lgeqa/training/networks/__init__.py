"""Networks in PyTorch."""

from lgeqa.training.networks.detector import Detector as Detector
from lgeqa.training.networks.encoder import WIDTH as WIDTH
from lgeqa.training.networks.encoder import Encoder as Encoder
from lgeqa.training.networks.encoder import load_first_weights as load_first_weights
from lgeqa.training.networks.multiple_instance import MultipleInstanceNetwork as MultipleInstanceNetwork
from lgeqa.training.networks.multiple_instance import pool_by_attention as pool_by_attention
from lgeqa.training.networks.ordinal import OrdinalNetwork as OrdinalNetwork
from lgeqa.training.networks.quality import ContrastiveNetwork as ContrastiveNetwork
from lgeqa.training.networks.quality import HybridNetwork as HybridNetwork
from lgeqa.training.networks.quality import MultiTaskNetwork as MultiTaskNetwork
from lgeqa.training.networks.quality import QualityFrom as QualityFrom
from lgeqa.training.networks.quality import QualityNetwork as QualityNetwork
from lgeqa.training.networks.weights import load_weights as load_weights
from lgeqa.training.networks.weights import save_weights as save_weights
