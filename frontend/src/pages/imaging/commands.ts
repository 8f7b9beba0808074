/** Keys of the viewer as commands; a page adds its own. */
import { bindingsFor, type Command } from '../../domain/keys';
import { CT_PRESETS, windowOf } from '../../viewer/presets';
import type { Tool } from '../../viewer/state';
import type { Viewer } from '../../viewer/viewer';
import { bindKeys } from '../parts/keys';

const ZOOM_STEP = 1.2;

export function viewerCommands(viewer: Viewer): Partial<Record<Command, () => void>> {
  const { state } = viewer;
  const preset = (n: number) => () => { const found = CT_PRESETS[n]; if (found) state.set({ ctWindow: windowOf(found) }); };
  const toggle = (name: 'isFusionOn' | 'areOutlinesOn' | 'isInverted') => () => state.set({ [name]: !state.get()[name] });
  return {
    'slice-up': () => viewer.scroll(1), 'slice-down': () => viewer.scroll(-1), 'slice-up-10': () => viewer.scroll(10), 'slice-down-10': () => viewer.scroll(-10),
    'slice-first': () => viewer.scrollTo('first'), 'slice-last': () => viewer.scrollTo('last'),
    'zoom-in': () => viewer.zoomBy(ZOOM_STEP), 'zoom-out': () => viewer.zoomBy(1 / ZOOM_STEP), fit: () => viewer.fit(),
    reset: () => { viewer.fit(); preset(0)(); state.set({ isInverted: false, enlarged: -1 }); },
    'preset-1': preset(0), 'preset-2': preset(1), 'preset-3': preset(2), 'preset-4': preset(3), 'preset-5': preset(4),
    invert: toggle('isInverted'), fusion: toggle('isFusionOn'), outlines: toggle('areOutlinesOn'),
    crosshair: () => state.set(state.get().tool === 'crosshair' ? { isCrosshairOn: !state.get().isCrosshairOn } : { tool: 'crosshair', isCrosshairOn: true }),
    window: () => state.set({ tool: 'window' }), zoom: () => state.set({ tool: 'zoom' }), ruler: () => state.set({ tool: 'ruler' }),
    'clear-ruler': () => { viewer.ruler = null; viewer.area = null; viewer.schedule(); },
  };
}

/** Commands that choose the tool of the same name. */
export const toolCommands = (viewer: Viewer, tools: readonly (Tool & Command)[]): Partial<Record<Command, () => void>> =>
  Object.fromEntries(tools.map((tool) => [tool, () => viewer.state.set({ tool })]));

export function bindViewerKeys(viewer: Viewer, own: Partial<Record<Command, () => void>> = {}): void {
  bindKeys(bindingsFor({ ...viewerCommands(viewer), ...own }));
}
