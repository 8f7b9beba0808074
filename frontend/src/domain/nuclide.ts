import { html, type Html } from './html';

const NUCLIDE = /^([A-Z][a-z]?)-(\d+m?)$/;

/** An agent with its nuclide as the field writes it: raised mass number, element, agent; never named twice. */
export function formatAgent(agent: string, nuclide: string): Html {
  const match = NUCLIDE.exec(nuclide);
  if (!match) return html`${agent}`;
  const [, element = '', mass = ''] = match;
  const bare = agent.replace(new RegExp(`^\\[?(?:${mass}${element}|${element}-?${mass})\\]?[\\s-]*(?:${element}-)?`), '');
  return html`<sup>${mass}</sup>${element}${bare ? '-' : ''}${bare}`;
}
