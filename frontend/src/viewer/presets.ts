/** CT windows, layouts and their panes, as data. */
import type { Plane } from '../domain/geometry';
import type { Window } from '../domain/volume';

export interface CtPreset {
  name: string;
  width: number;
  level: number;
}

export const CT_PRESETS: readonly CtPreset[] = [
  { name: 'Soft tissue', width: 400, level: 40 }, { name: 'Lung', width: 1500, level: -600 }, { name: 'Liver', width: 150, level: 90 },
  { name: 'Bone', width: 2500, level: 480 }, { name: 'Brain', width: 80, level: 40 },
];

export const windowOf = ({ width, level }: Pick<CtPreset, 'width' | 'level'>): Window => ({ lower: level - width / 2, upper: level + width / 2 });

export type Content = 'ct' | 'fusion' | 'emission' | 'dose' | 'mip';

export interface PaneSpec {
  content: Content;
  plane: Plane;
  /** Which of the shown scans; the current one is 0. */
  scan: number;
}

export type LayoutName = '2x2' | '1x3' | 'times' | 'lesions' | 'dose' | 'pair';

export interface Layout {
  columns: number;
  rows: number;
  panes: readonly PaneSpec[];
}

const pane = (content: Content, plane: Plane, scan = 0): PaneSpec => ({ content, plane, scan });

/** The panes of a layout. Without a CT every fusion is the emission image alone, and the 2 x 2 shows all three planes. */
export function layoutOf(name: LayoutName, facts: { hasCt: boolean; nScans: number }): Layout {
  switch (name) {
    case '2x2':
      return facts.hasCt
        ? { columns: 2, rows: 2, panes: [pane('ct', 'axial'), pane('fusion', 'axial'), pane('fusion', 'coronal'), pane('mip', 'coronal')] }
        : { columns: 2, rows: 2, panes: [pane('emission', 'axial'), pane('emission', 'sagittal'), pane('emission', 'coronal'), pane('mip', 'coronal')] };
    case '1x3':
      return { columns: 3, rows: 1, panes: [pane('fusion', 'axial'), pane('fusion', 'coronal'), pane('fusion', 'sagittal')] };
    case 'times': {
      const scans = Array.from({ length: Math.max(facts.nScans, 1) }, (_, n) => n);
      return { columns: scans.length, rows: 2, panes: [...scans.map((n) => pane('fusion', 'axial', n)), ...scans.map((n) => pane('mip', 'coronal', n))] };
    }
    case 'lesions':
      return { columns: 2, rows: 1, panes: [pane('mip', 'coronal'), pane('fusion', 'axial')] };
    case 'dose':
      return { columns: 2, rows: 1, panes: [pane('dose', 'axial'), pane('dose', 'coronal')] };
    default:
      return { columns: 3, rows: 1, panes: [pane('emission', 'axial'), pane('emission', 'coronal'), pane('emission', 'sagittal')] };
  }
}
