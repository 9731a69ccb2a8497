"""Figures of results, as self-contained matplotlib `Figure`s from plain arrays, without pyplot or global settings.

Colours are from Okabe and Ito's palette or a red-blue scale, which colour-blind readers can distinguish. Everything
that a colour shows is also shown by a shape or a word.
"""

from lgeqa.evaluate.figures.attention import Example as Example
from lgeqa.evaluate.figures.attention import attention_figure as attention_figure
from lgeqa.evaluate.figures.curves import Strategy as Strategy
from lgeqa.evaluate.figures.curves import curves_figure as curves_figure
from lgeqa.evaluate.figures.embedding import Panel as Panel
from lgeqa.evaluate.figures.embedding import embedding_figure as embedding_figure
