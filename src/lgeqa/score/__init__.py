"""Verdict of a scan from the probabilities of its slices."""

from lgeqa.score.vote import Vote as Vote
from lgeqa.score.vote import vote as vote
