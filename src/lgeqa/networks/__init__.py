"""Networks in PyTorch."""

from lgeqa.networks.detector import Detector as Detector
from lgeqa.networks.encoder import WIDTH as WIDTH
from lgeqa.networks.encoder import Encoder as Encoder
from lgeqa.networks.encoder import load_first_weights as load_first_weights
from lgeqa.networks.quality import ContrastiveNetwork as ContrastiveNetwork
from lgeqa.networks.quality import HybridNetwork as HybridNetwork
from lgeqa.networks.quality import MultiTaskNetwork as MultiTaskNetwork
from lgeqa.networks.quality import QualityFrom as QualityFrom
from lgeqa.networks.quality import QualityNetwork as QualityNetwork
from lgeqa.networks.weights import load_weights as load_weights
from lgeqa.networks.weights import save_weights as save_weights
