/** How a difference looks: the same two colours and hatchings on the panes and in the legend. */
import { html, type Html } from '../../domain/html';
import { ADDED, labelDifference, REMOVED } from '../../domain/label_difference';
import type { Hatch } from '../../viewer/hatching';
import type { LabelLayer, RegionLook } from '../../viewer/scan';
import { paneColour } from './scans';

interface Part { label: number; name: string; colour: string; hatch: Hatch; state: string }

/** Blue and orange are told apart by every kind of colour vision; the hatching runs the other way, and what left is dashed. */
const PARTS: readonly Part[] = [
  { label: ADDED, name: 'added since', colour: 'r1', hatch: 'rising', state: 'accepted' },
  { label: REMOVED, name: 'removed since', colour: 'r3', hatch: 'falling', state: 'proposed' },
];

/** Keeps the difference of one region until its voxels change. */
export class DifferenceLayer {
  private key = '';
  private layer: LabelLayer | null = null;

  /** `isBusy`: a stroke goes on; the difference follows when it ends. */
  of(then: LabelLayer['volume'], now: LabelLayer, label: number, { isOnLight, isBusy }: { isOnLight: boolean; isBusy: boolean }): LabelLayer | null {
    const place = `${then.id} ${now.volume.id} ${now.kind} ${label} ${String(isOnLight)}`;
    const key = `${place} ${now.version}`;
    if (key === this.key || (isBusy && this.key.startsWith(`${place} `))) return this.layer;
    this.key = key;
    const voxels = labelDifference(then.voxels, now.volume.voxels, label);
    this.layer = voxels && { kind: 'difference', volume: { ...now.volume, voxels }, version: 1, looks: looks(isOnLight) };
    return this.layer;
  }
}

const looks = (isOnLight: boolean): Map<number, RegionLook> => new Map(PARTS.map(({ label, colour, hatch, state }) => [label, {
  label, colour: paneColour(colour, isOnLight), state, hatch, isSelected: false, isVisible: true,
}]));

export const differenceLegend = (): Html => html`<span class="diff-key fs12 t2">${PARTS.map(({ colour, hatch, state, name }) => html`<span><svg width="22" height="14" aria-hidden="true"><rect x="1" y="1" width="20" height="12" fill="#000" stroke="${paneColour(colour)}" stroke-width="1.5" stroke-dasharray="${state === 'proposed' ? '4 2' : 'none'}"></rect><path d="${hatch === 'rising' ? 'M2 12 12 2M9 12 19 2' : 'M2 2 12 12M9 2 19 12'}" stroke="${paneColour(colour)}" stroke-width="1.5"></path></svg>${name}</span>`)}</span>`;
