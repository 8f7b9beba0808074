/** What a pane shows of a scan, and how: base, wash, colour bar and words, from the shared state. */
import { formatNumber } from '../domain/quantity';
import type { Volume, Window } from '../domain/volume';
import { shownUnit } from '../domain/volume_units';
import type { Look } from './engine';
import type { BarFacts } from './pane_texts';
import type { PaneSpec } from './presets';
import type { Scan } from './scan';
import type { ViewState } from './state';

export interface ResolvedPane {
  scan: number;
  base: Volume | null;
  wash: Volume | null;
  washKind: 'emission' | 'dose' | null;
  isBaseEmission: boolean;
  /** A second scan lies above this one. */
  isCompared?: boolean;
  title: string;
  second: string;
}

export interface Looks {
  base: Look;
  wash: Look | null;
  bar: BarFacts | null;
  windowText: string;
}

/** In the place of the dose a map of its relative standard uncertainty may lie. */
export const isUncertainty = (volume: Volume | null): boolean => volume?.header.kind === 'uncertainty';

/** Without a CT the emission image is the base, in inverse grey. */
export function resolvePane(spec: PaneSpec, scan: Scan | undefined): ResolvedPane {
  const { ct = null, emission = null, dose = null } = scan ?? {};
  const second = scan ? [scan.when, scan.note].filter(Boolean).join(', ') : '';
  const common = { scan: spec.scan, second };
  const modality = scan?.modality ?? 'Emission';
  if (spec.content === 'dose') {
    const base = ct ?? emission;
    return { ...common, base, wash: dose, washKind: 'dose', isBaseEmission: !ct, title: `${isUncertainty(dose) ? 'Uncertainty' : 'Dose'} on ${ct ? 'CT' : modality}` };
  }
  if (!ct || spec.content === 'emission') return { ...common, base: emission, wash: null, washKind: null, isBaseEmission: true, title: modality };
  if (spec.content === 'fusion') return { ...common, base: ct, wash: emission, washKind: 'emission', isBaseEmission: false, title: 'Fusion' };
  return { ...common, base: ct, wash: null, washKind: null, isBaseEmission: false, title: 'CT' };
}

export function looksOf(pane: ResolvedPane, state: ViewState): Looks {
  const grey = state.isInverted ? 'inverse-grey' : 'grey';
  const emissionBase: Look = { window: state.emissionWindow, map: pane.isCompared && state.comparison === 'colours' ? 'magenta' : state.isInverted ? 'grey' : 'inverse-grey' };
  const base: Look = pane.isBaseEmission ? emissionBase : { window: state.ctWindow, map: grey };
  const wash = washLook(pane, state);
  const bar = wash?.isVisible && pane.wash
    ? { map: wash.map, window: wash.window, voxelUnit: pane.wash.header.unit, threshold: wash.threshold ?? null }
    : pane.isBaseEmission && pane.base ? { map: base.map, window: base.window, voxelUnit: pane.base.header.unit, threshold: null } : null;
  return { base, wash, bar, windowText: pane.isBaseEmission && pane.base ? emissionText(pane.base, state.emissionWindow) : ctText(state.ctWindow) };
}

function washLook(pane: ResolvedPane, state: ViewState): Look | null {
  if (!pane.wash || !pane.washKind) return null;
  if (pane.washKind === 'dose') {
    return { window: state.doseWindow, map: isUncertainty(pane.wash) ? 'inferno' : 'viridis', opacity: Math.min(state.opacity, isUncertainty(pane.wash) ? 0.65 : 0.45), threshold: aboveLower(state.doseThreshold, state.doseWindow), isVisible: state.isWashOn };
  }
  return { window: state.emissionWindow, map: 'hot', opacity: state.opacity, threshold: aboveLower(state.emissionThreshold, state.emissionWindow), isVisible: state.isFusionOn };
}

/** A threshold at or below the window's lower end would paint the whole pane. */
function aboveLower(threshold: number, { lower, upper }: Window): number {
  return Math.max(threshold, lower + (upper - lower) * 0.005);
}

const ctText = ({ lower, upper }: Window): string => `W ${Math.round(upper - lower)} L ${Math.round((upper + lower) / 2)}`;

function emissionText(volume: Volume, { lower, upper }: Window): string {
  const { unit, factor } = shownUnit(volume.header.unit);
  return `${formatNumber(lower * factor)} – ${formatNumber(upper * factor)} ${unit}`;
}
