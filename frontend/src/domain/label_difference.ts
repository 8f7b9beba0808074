/** Where one region differs between two label volumes of one grid. */
export const ADDED = 1;
export const REMOVED = 2;

/** Voxels that joined the region since `then`, and voxels that left it; null where the grids differ. */
export function labelDifference(then: Uint8Array, now: Uint8Array, label: number): Uint8Array<ArrayBuffer> | null {
  if (then.length !== now.length) return null;
  const difference = new Uint8Array(now.length);
  for (let at = 0; at < now.length; at += 1) {
    const was = then[at] === label;
    if (was !== (now[at] === label)) difference[at] = was ? REMOVED : ADDED;
  }
  return difference;
}
