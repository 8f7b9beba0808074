import { Store } from '../domain/store';
import type { Vec3, Window } from '../domain/volume';
import { CT_PRESETS, windowOf, type LayoutName } from './presets';

export type Tool = 'crosshair' | 'window' | 'zoom' | 'pan' | 'ruler' | 'area' | 'brush' | 'erase' | 'threshold' | 'sphere' | 'ball' | 'draw' | 'scissors' | 'fill';

export type Comparison = 'flicker' | 'checker' | 'spyglass' | 'colours';

/** What all panes share. Windows and thresholds are in the unit of the voxels. */
export interface ViewState {
  layout: LayoutName;
  tool: Tool;
  cursor: Vec3;
  centre: Vec3;
  zoom: number;
  ctWindow: Window;
  emissionWindow: Window;
  emissionThreshold: number;
  doseWindow: Window;
  doseThreshold: number;
  opacity: number;
  isFusionOn: boolean;
  isWashOn: boolean;
  isIsodoseOn: boolean;
  areOutlinesOn: boolean;
  isCrosshairOn: boolean;
  isInverted: boolean;
  active: number;
  /** Index of the pane that fills the viewer alone, or -1. */
  enlarged: number;
  /** How two scans are compared, and whether only the fixed one is seen now. */
  comparison: Comparison;
  isFixedOnly: boolean;
}

const SOFT_TISSUE = CT_PRESETS[0] ?? { width: 400, level: 40 };

export const newState = (layout: LayoutName): Store<ViewState> => new Store<ViewState>({
  layout, tool: 'crosshair', cursor: [0, 0, 0], centre: [0, 0, 0], zoom: 1,
  ctWindow: windowOf(SOFT_TISSUE), emissionWindow: { lower: 0, upper: 1 }, emissionThreshold: 0.1,
  doseWindow: { lower: 0, upper: 1 }, doseThreshold: 0.1, opacity: 0.8,
  isFusionOn: true, isWashOn: true, isIsodoseOn: true, areOutlinesOn: true, isCrosshairOn: true, isInverted: false, active: 0, enlarged: -1, comparison: 'flicker', isFixedOnly: false,
});
