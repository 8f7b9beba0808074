/** Label volumes of two people brought together, region by region. */

/** Labels that have other voxels in `now` than in `base`: those that gained some and those that lost some. */
export function differingLabels(base: Uint8Array, now: Uint8Array): Set<number> {
  const found = new Set<number>();
  now.forEach((label, at) => {
    const old = base[at] as number;
    if (label !== old) found.add(label).add(old);
  });
  found.delete(0);
  return found;
}

/** Lays the regions `taken` from `mine` over `theirs`; every other region keeps exactly the voxels that it has in `theirs`. */
export function withRegionsOf({ mine, theirs, taken }: { mine: Uint8Array; theirs: Uint8Array; taken: ReadonlySet<number> }): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(theirs, (their, at) => {
    if (their !== 0 && !taken.has(their)) return their;
    const my = mine[at] as number;
    return taken.has(my) ? my : 0;
  });
}
