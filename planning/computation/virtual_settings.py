"""What a virtual patient may be: light, so that the web process may read it."""

from dosimetry.phantoms.agents import AGENTS
from dosimetry.phantoms.organs import Variant
from dosimetry.phantoms.protocols import PET_NUCLIDES

COMMAND_ONLY = PET_NUCLIDES | {"Y-90"}
AGENT_NUCLIDES = {name: agent.nuclide for name, agent in AGENTS.items() if agent.nuclide not in COMMAND_ONLY}
"""Agents of the page. Those of PET and of bremsstrahlung are made by the command alone: the page's chain begins at
projections with a line, and its corrections, scan times and engines were checked for these."""
VARIANTS = tuple(str(variant) for variant in Variant)
