"""What a virtual patient may be: light, so that the web process may read it."""

from dosimetry.phantoms.agents import AGENTS
from dosimetry.phantoms.organs import Variant
from dosimetry.phantoms.protocols import PET_NUCLIDES

AGENT_NUCLIDES = {name: agent.nuclide for name, agent in AGENTS.items() if agent.nuclide not in PET_NUCLIDES}
"""Agents of the page. Those of PET are made by the command alone: the page's chain begins at projections, and its
corrections, scan times and engines were checked for therapies."""
VARIANTS = tuple(str(variant) for variant in Variant)
