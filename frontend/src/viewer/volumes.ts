/** Loads volumes: header, gzip body, digest. The last few stay in memory; a wrong volume throws and nothing is shown. */
import { getJson, send } from '../api/client';
import { checkDigest, checkHeader, readVoxels, toHex, type Volume, type VolumeHeader } from '../domain/volume';

const MAX_BYTES = 400 * 1024 * 1024;
const loading = new Map<string, Promise<Volume>>();
const sizes = new Map<string, number>();

/** The volume with an id. Volumes never change, so one that was loaded is used again. */
export function loadVolume(id: string): Promise<Volume> {
  const known = loading.get(id);
  if (known) {
    loading.delete(id);
    loading.set(id, known);
    return known;
  }
  const promise = fetchVolume(id);
  loading.set(id, promise);
  promise.then((volume) => { sizes.set(id, volume.voxels.byteLength); forgetOldest(id); }, () => loading.delete(id));
  return promise;
}

async function fetchVolume(id: string): Promise<Volume> {
  const header = await getJson<VolumeHeader>(`/api/volumes/${id}/header`);
  checkHeader(header);
  const response = await send('GET', `/api/volumes/${id}/voxels`, { headers: { Accept: '*/*' } });
  const body = await response.arrayBuffer();
  const voxels = readVoxels(header, body);
  checkDigest(header, toHex(await crypto.subtle.digest('SHA-256', body)));
  return { id, header, voxels };
}

function forgetOldest(newest: string): void {
  let total = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  for (const id of [...loading.keys()]) {
    if (total <= MAX_BYTES) return;
    const bytes = sizes.get(id);
    if (id === newest || bytes === undefined) continue;
    loading.delete(id);
    sizes.delete(id);
    total -= bytes;
  }
}

/** Bytes as gzip, and the digest of the raw bytes: what a contour upload needs. */
export async function packVoxels(voxels: Uint8Array<ArrayBuffer>): Promise<{ body: Blob; sha256: string }> {
  const sha256 = toHex(await crypto.subtle.digest('SHA-256', voxels));
  const stream = new Blob([voxels]).stream().pipeThrough(new CompressionStream('gzip'));
  const body = await new Response(stream).blob(); // a Blob has a length; a chunked body would arrive empty
  return { body, sha256 };
}
