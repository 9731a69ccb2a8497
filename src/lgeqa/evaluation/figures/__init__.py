"""Figures of results, as self-contained matplotlib `Figure`s from plain arrays, without pyplot or global settings.

Colours are from Okabe and Ito's palette or a red-blue scale, which colour-blind readers can distinguish. Everything
that a colour shows is also shown by a shape or a word.
"""

from lgeqa.evaluation.figures.attention import Example as Example
from lgeqa.evaluation.figures.attention import attention_figure as attention_figure
from lgeqa.evaluation.figures.curves import Strategy as Strategy
from lgeqa.evaluation.figures.curves import curves_figure as curves_figure
from lgeqa.evaluation.figures.embedding import Panel as Panel
from lgeqa.evaluation.figures.embedding import embedding_figure as embedding_figure
