"""What a virtual patient may be: light, so that the web process may read it."""

from dosimetry.phantoms.agents import AGENTS
from dosimetry.phantoms.organs import Variant

AGENT_NUCLIDES = {name: agent.nuclide for name, agent in AGENTS.items()}
VARIANTS = tuple(str(variant) for variant in Variant)
