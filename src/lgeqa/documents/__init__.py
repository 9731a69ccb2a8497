"""Documents of headings, paragraphs, tables, lists and pictures, written as Markdown, as an HTML page or as PDF."""

from lgeqa.documents.blocks import Block as Block
from lgeqa.documents.blocks import Code as Code
from lgeqa.documents.blocks import Heading as Heading
from lgeqa.documents.blocks import Items as Items
from lgeqa.documents.blocks import Paragraph as Paragraph
from lgeqa.documents.blocks import Picture as Picture
from lgeqa.documents.blocks import Table as Table
from lgeqa.documents.html_page import html_page as html_page
from lgeqa.documents.markdown import markdown as markdown
