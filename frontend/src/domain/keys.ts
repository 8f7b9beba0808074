/** The keys of the image viewer, as data: a page binds the commands that it knows. Single letters can be turned off. */
export type Command =
  | 'slice-up' | 'slice-down' | 'slice-up-10' | 'slice-down-10' | 'slice-first' | 'slice-last'
  | 'time-next' | 'time-previous' | 'zoom-in' | 'zoom-out' | 'fit' | 'reset'
  | 'preset-1' | 'preset-2' | 'preset-3' | 'preset-4' | 'preset-5' | 'invert' | 'fusion' | 'wash' | 'isodose' | 'outlines'
  | 'crosshair' | 'window' | 'zoom' | 'ruler' | 'area' | 'brush' | 'erase' | 'threshold' | 'draw' | 'scissors' | 'fill' | 'ball' | 'size-down' | 'size-up'
  | 'uncertainty' | 'window-region' | 'region-next' | 'region-previous' | 'accept' | 'reject' | 'reopen' | 'difference' | 'clear-ruler' | 'flicker';

export interface KeyRow {
  command: Command;
  keys: readonly string[];
  label: string;
  group: string;
}

const row = (group: string, command: Command, keys: readonly string[], label: string): KeyRow => ({ command, keys, label, group });

export const VIEWER_KEYS: readonly KeyRow[] = [
  row('Move', 'slice-up', ['ArrowUp'], 'slice towards the head'), row('Move', 'slice-down', ['ArrowDown'], 'slice towards the feet'),
  row('Move', 'slice-up-10', ['PageUp'], 'ten slices up'), row('Move', 'slice-down-10', ['PageDown'], 'ten slices down'),
  row('Move', 'slice-first', ['Home'], 'first slice'), row('Move', 'slice-last', ['End'], 'last slice'),
  row('Move', 'time-next', ['N', 'ArrowRight'], 'next time point'), row('Move', 'time-previous', ['P', 'ArrowLeft'], 'time point before'),
  row('Move', 'zoom-in', ['+', '='], 'zoom in'), row('Move', 'zoom-out', ['-'], 'zoom out'),
  row('Move', 'fit', ['0'], 'fit to the pane'), row('Move', 'reset', ['R'], 'reset the view'),
  row('Show', 'preset-1', ['1'], 'CT soft tissue'), row('Show', 'preset-2', ['2'], 'CT lung'), row('Show', 'preset-3', ['3'], 'CT liver'),
  row('Show', 'preset-4', ['4'], 'CT bone'), row('Show', 'preset-5', ['5'], 'CT brain'), row('Show', 'invert', ['I'], 'invert grey'),
  row('Show', 'fusion', ['F'], 'fusion on or off'), row('Show', 'outlines', ['O'], 'outlines on or off'),
  row('Show', 'window-region', ['W'], 'window to the region, and back'),
  row('Show', 'wash', ['G'], 'dose wash on or off'), row('Show', 'isodose', ['S'], 'isodose lines on or off'),
  row('Show', 'uncertainty', ['U'], 'dose, or its uncertainty in the voxels'),
  row('Tools', 'crosshair', ['C'], 'crosshair'), row('Tools', 'window', ['L'], 'window by drag'),
  row('Tools', 'zoom', ['Z'], 'zoom by drag'), row('Tools', 'ruler', ['M'], 'ruler'), row('Tools', 'area', ['Q'], 'measure an area'), row('Tools', 'clear-ruler', ['Backspace'], 'remove the ruler and the measured area'),
  row('Contours', 'brush', ['B'], 'brush'), row('Contours', 'erase', ['E'], 'eraser'), row('Contours', 'threshold', ['T'], 'threshold brush'),
  row('Contours', 'draw', ['D'], 'draw an outline; again: along edges, smooth; Shift removes'), row('Contours', 'scissors', ['K'], 'scissors; Shift keeps the inside'),
  row('Contours', 'fill', ['H'], 'fill a hole'), row('Contours', 'ball', ['J'], 'place a sphere; Shift removes'),
  row('Contours', 'size-down', ['['], 'smaller brush'), row('Contours', 'size-up', [']'], 'larger brush'),
  row('Contours', 'region-previous', [','], 'region before'), row('Contours', 'region-next', ['.'], 'next region'),
  row('Contours', 'accept', ['A'], 'accept the region'), row('Contours', 'reject', ['X'], 'reject the region'),
  row('Contours', 'reopen', ['V'], 'reopen a rejected region'), row('Contours', 'difference', ['Y'], 'difference from the original proposal'),
  row('Registration', 'flicker', [' '], 'flicker between fixed and moving'),
];

/** The rows whose commands a page knows, each with what to run. */
export function bindingsFor(handlers: Partial<Record<Command, () => void>>): { keys: readonly string[]; label: string; group: string; run: () => void }[] {
  return VIEWER_KEYS.flatMap(({ command, keys, label, group }) => {
    const run = handlers[command];
    return run ? [{ keys, label, group, run: () => run() }] : [];
  });
}
