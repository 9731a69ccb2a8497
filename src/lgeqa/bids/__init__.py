"""BIDS data sets: their images in, derivatives out."""

from lgeqa.bids.dataset import BidsDataset as BidsDataset
from lgeqa.bids.dataset import open_dataset as open_dataset
from lgeqa.bids.derivatives import holds_derivatives as holds_derivatives
from lgeqa.bids.derivatives import is_derivative as is_derivative
from lgeqa.bids.derivatives import refuse_other_files as refuse_other_files
from lgeqa.bids.derivatives import write_derivatives as write_derivatives
