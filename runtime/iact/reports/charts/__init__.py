"""The charts of a report, each a pure function from data to SVG.

A chart is drawn for a width, so that its text has the same size on a telephone as on a wide screen. It draws nothing
from nothing: a function that is handed no data raises, and its caller says in a sentence why there is no chart.
"""

from __future__ import annotations
