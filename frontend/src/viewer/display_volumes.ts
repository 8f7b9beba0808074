/** Copies of volumes that Cornerstone draws. Numbers for people are read from the volume itself, never from these. */
import { cache, imageLoader, metaData, utilities, volumeLoader } from '@cornerstonejs/core';
import type { Volume } from '../domain/volume';

const SCHEME = 'display';
/** Float volumes are scaled so that their largest value is this: the CPU backend needs windows wider than 1 and builds tables by value. */
const FULL_SCALE = 8000;
const slices = new Map<string, Record<string, unknown>>();
const scales = new Map<string, number>();
const displaySets = new Set<string>();

/** Once, after Cornerstone started: geometry for each slice, and a loader that answers from the cache. */
export function installDisplayVolumes(): void {
  metaData.addProvider((type: string, id: string) => slices.get(id)?.[type], 20_000);
  imageLoader.registerImageLoader(SCHEME, (id: string) => ({ promise: Promise.resolve(cache.getImage(id)) }) as unknown as ReturnType<Parameters<typeof imageLoader.registerImageLoader>[1]>);
}

const volumeIdOf = (volume: Volume): string => `${SCHEME}:${volume.id}`;

function largestOf({ header, voxels }: Volume): number {
  if (header.value_range) return Math.max(Math.abs(header.value_range[0]), Math.abs(header.value_range[1]));
  let largest = 0;
  for (const value of voxels) if (Math.abs(value) > largest) largest = Math.abs(value);
  return largest;
}

/** Display value per value of the volume. */
export function displayScale(volume: Volume): number {
  const known = scales.get(volume.id);
  if (known !== undefined) return known;
  const largest = volume.header.dtype === 'float32' ? largestOf(volume) : 0;
  const scale = largest > 0 ? FULL_SCALE / largest : 1;
  scales.set(volume.id, scale);
  return scale;
}

/** Makes a volume ready to be drawn; returns the id of its display set. */
export function showDisplayVolume(volume: Volume, displaySetId = volume.id): string {
  const volumeId = volumeIdOf(volume);
  if (!cache.getVolume(volumeId)) createDisplayVolume(volume, volumeId);
  const imageIds = cache.getVolume(volumeId)?.imageIds ?? [];
  utilities.genericViewportDisplaySetMetadataProvider.add(displaySetId, {
    kind: 'planar', imageIds, initialImageIdIndex: imageIds.length >> 1, volumeId,
  } as Parameters<typeof utilities.genericViewportDisplaySetMetadataProvider.add>[1]);
  displaySets.add(displaySetId);
  return displaySetId;
}

function createDisplayVolume(volume: Volume, volumeId: string): void {
  const { header } = volume;
  const [nx, ny, nz] = header.dimensions;
  const [sx, sy, sz] = header.spacing_mm;
  const [ox, oy, oz] = header.origin_lps_mm;
  // 'PT' is a display switch: with any other modality the CPU backend rounds floats to whole numbers.
  const modality = header.dtype === 'float32' ? 'PT' : 'CT';
  const cosines = [1, 0, 0, 0, 1, 0];
  for (let k = 0; k < nz; k += 1) {
    slices.set(`${volumeId}_slice_${k}`, {
      imagePlaneModule: {
        frameOfReferenceUID: header.frame_of_reference_uid, rows: ny, columns: nx, imageOrientationPatient: cosines,
        rowCosines: [1, 0, 0], columnCosines: [0, 1, 0], imagePositionPatient: [ox, oy, oz + k * sz],
        pixelSpacing: [sy, sx], rowPixelSpacing: sy, columnPixelSpacing: sx, sliceThickness: sz,
      },
      voiLutModule: { windowCenter: [40], windowWidth: [400] },
      modalityLutModule: { rescaleSlope: 1, rescaleIntercept: 0 },
      generalSeriesModule: { modality, seriesInstanceUID: volumeId },
    });
  }
  volumeLoader.createLocalVolume(volumeId, {
    dimensions: [nx, ny, nz], spacing: [sx, sy, sz], origin: [ox, oy, oz], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1], scalarData: scaledVoxels(volume),
    metadata: {
      BitsAllocated: 16, BitsStored: 16, HighBit: 15, SamplesPerPixel: 1, PixelRepresentation: 1, Modality: modality,
      PhotometricInterpretation: 'MONOCHROME2', ImageOrientationPatient: cosines, PixelSpacing: [sy, sx], SliceThickness: sz,
      FrameOfReferenceUID: header.frame_of_reference_uid, Columns: nx, Rows: ny, voiLut: [], VOILUTFunction: 'LINEAR',
    },
  } as unknown as Parameters<typeof volumeLoader.createLocalVolume>[1]);
}

function scaledVoxels(volume: Volume): Int16Array | Uint8Array | Float32Array {
  const { voxels } = volume;
  if (!(voxels instanceof Float32Array)) return voxels.slice();
  const scale = displayScale(volume);
  return voxels.map((value) => value * scale);
}

export function forgetDisplayVolumes(): void {
  for (const id of displaySets) utilities.genericViewportDisplaySetMetadataProvider.remove(id);
  displaySets.clear();
  slices.clear();
  scales.clear();
}

/** Frees the copies of volumes that no pane shows. */
export function keepDisplayVolumes(shown: readonly Volume[]): void {
  const kept = new Set(shown.map(volumeIdOf));
  for (const displaySetId of [...displaySets]) {
    const volumeId = `${SCHEME}:${displaySetId.replace(/:wash$/, '')}`;
    if (kept.has(volumeId)) continue;
    utilities.genericViewportDisplaySetMetadataProvider.remove(displaySetId);
    displaySets.delete(displaySetId);
    const imageIds = [...(cache.getVolume(volumeId)?.imageIds ?? [])];
    if (imageIds.length === 0) continue;
    cache.removeVolumeLoadObject(volumeId);
    for (const imageId of imageIds) {
      slices.delete(imageId);
      if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId, { force: true });
    }
  }
}
