/** Time points as scans of the viewer, and the region colours of the present theme. */
import { formatShort } from '../../domain/dates';
import { formatNumber, type MaybeQuantity } from '../../domain/quantity';
import { loadVolume } from '../../viewer/volumes';
import type { Scan } from '../../viewer/scan';
import type { TimePoint } from './wire';

const MODALITIES: Record<string, string> = { spect: 'SPECT', pet: 'PET' };

/** Age of a scan at its middle; before it is prepared, at its start. */
export const ageOf = (point: TimePoint): MaybeQuantity => point.time ?? point.start_time;
export const acquiredAt = (point: TimePoint): string | null => point.acquired_at ?? point.started_at ?? null;
export const ageText = (point: TimePoint): string => `${formatNumber(ageOf(point)?.value)} ${ageOf(point)?.unit ?? 'h'} p.i.`;
export const whenText = (point: TimePoint): string => `${ageText(point)}, ${formatShort(acquiredAt(point))}`;

/** Loads what a time point shows; null when its images are not prepared. */
export async function loadScan(point: TimePoint, doseVolume: string | null = null): Promise<Scan | null> {
  const { image } = point;
  if (!image) return null;
  const [emission, ct, dose] = await Promise.all([
    loadVolume(image.emission_volume), image.ct_volume ? loadVolume(image.ct_volume) : null, doseVolume ? loadVolume(doseVolume) : null,
  ]);
  return { key: point.id, emission, ct, dose, when: whenText(point), modality: MODALITIES[emission.header.kind] ?? 'Emission', note: 'decay to scan' };
}

/** Value of a colour token ("r1") on panes, which are dark in both themes. */
const PANE_COLOURS: Record<string, string> = {
  r1: '#56b4e9', r2: '#8fd0c5', r3: '#d9a066', r4: '#b797e0', r5: '#e6d66b', r6: '#f08fb6', r7: '#9fd16a', r8: '#f0b49a', r9: '#a3adb9',
};
const LIGHT_PANE_COLOURS: Record<string, string> = {
  r1: '#0f6fa8', r2: '#1c7a6c', r3: '#99591a', r4: '#6d45a6', r5: '#7a6700', r6: '#b02e6b', r7: '#4a7a14', r8: '#a34e28', r9: '#5b6672',
};

/** Region colours on dark panes, and on inverse grey where there is no CT. */
export const paneColour = (token: string, isOnLight = false): string => (isOnLight ? LIGHT_PANE_COLOURS : PANE_COLOURS)[token] ?? '#d7dde5';
