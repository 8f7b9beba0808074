/** The networks that may draw organs at a site, ours first, and the regions that they know between them. */
import type { Contours } from './wire';

export interface OrganEngine { name: string; label: string; regions: readonly string[]; usual: readonly string[] }

export function organEngines({ network, totalsegmentator }: Pick<Contours, 'network' | 'totalsegmentator'>): OrganEngine[] {
  return [
    ...(network ? [{ name: 'organs', ...network }] : []),
    ...(totalsegmentator ? [{ name: 'totalsegmentator', ...totalsegmentator }] : []),
  ];
}

/** Every region that any of them knows, once; `only` names the engine where the others do not know it. */
export function regionsOf(engines: readonly OrganEngine[]): { name: string; only: string }[] {
  return [...new Set(engines.flatMap((engine) => engine.regions))].map((name) => {
    const knowing = engines.filter((engine) => engine.regions.includes(name));
    return { name, only: knowing.length < engines.length ? (knowing[0]?.name ?? '') : '' };
  });
}
