"""Pictures for job summaries, as Mermaid: what GitHub draws of a summary besides text and tables.

GitHub takes no data: URIs, no inline SVG and no style attributes out of a summary, and there is no place to upload an
image to from a step. It draws blocks of code that are `mermaid`, by version 11.3 since October 2024 and newer ones
after that: https://docs.github.com/get-started/writing-on-github/working-with-advanced-formatting/creating-diagrams
"""
