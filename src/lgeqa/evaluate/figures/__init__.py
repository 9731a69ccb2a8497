"""Figures of results, as matplotlib `Figure`s that stand alone: no pyplot, no global settings, plain arrays in.

Colours are of Okabe and Ito's palette or of a red-blue scale, which colour-blind readers can tell; whatever colour
says, a shape or a word says too.
"""

from lgeqa.evaluate.figures.attention import Example as Example
from lgeqa.evaluate.figures.attention import attention_figure as attention_figure
from lgeqa.evaluate.figures.curves import Strategy as Strategy
from lgeqa.evaluate.figures.curves import curves_figure as curves_figure
from lgeqa.evaluate.figures.embedding import Panel as Panel
from lgeqa.evaluate.figures.embedding import embedding_figure as embedding_figure
