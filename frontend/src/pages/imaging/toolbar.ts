/** The tools above the viewer: chosen tool, undo, layouts, and the switches of what is shown. */
import { each, html, nothing, type Html } from '../../domain/html';
import { icon } from '../../domain/markup';
import type { LayoutName } from '../../viewer/presets';
import type { Tool } from '../../viewer/state';
import type { Viewer } from '../../viewer/viewer';
import { fill, on } from '../parts/dom';

const TOOLS: Record<string, readonly [icon: string, title: string]> = {
  crosshair: ['crosshair', 'Crosshair, C'], window: ['window', 'Window, L'], zoom: ['zoom', 'Zoom, Z'], pan: ['pan', 'Pan'], ruler: ['ruler', 'Ruler, M'],
  brush: ['brush', 'Brush, B'], erase: ['erase', 'Eraser, E'], threshold: ['threshold', 'Threshold brush, T'], sphere: ['sphere', 'Threshold in a sphere'],
  area: ['area', 'Measure an area, Q'], draw: ['lasso', 'Draw an outline, D'], scissors: ['scissors', 'Scissors, K'], fill: ['hole', 'Fill a hole, H'], ball: ['ball', 'Place a sphere, J'],
};
const LAYOUTS: Record<LayoutName, string> = { '2x2': '2 × 2', '1x3': '1 × 3', times: 'Times', lesions: 'Lesions', dose: 'Dose', pair: 'Pair' };

export interface ToolbarOptions {
  tools: readonly Tool[];
  editTools?: readonly Tool[];
  layouts?: readonly LayoutName[];
  before?: Html;
  middle?: Html;
  after?: Html;
  onLayout?: (layout: LayoutName) => void;
}

export function toolButton(tool: Tool): Html {
  const [symbol, title] = TOOLS[tool] ?? ['crosshair', tool];
  return html`<button type="button" class="tool" data-tool="${tool}" title="${title}" aria-label="${title}" aria-pressed="false">${icon(symbol)}</button>`;
}

export function drawToolbar(place: HTMLElement, viewer: Viewer, options: ToolbarOptions): void {
  const edit = options.editTools?.length ? html`<span class="vsep"></span>${each(options.editTools, toolButton)}` : nothing;
  const layouts = options.layouts?.length
    ? html`<span class="seg" role="group" aria-label="Layout">${each(options.layouts, (name) => html`<button type="button" data-layout="${name}" aria-pressed="false">${name === '2x2' ? icon('grid', 's') : nothing}${LAYOUTS[name]}</button>`)}</span>` : nothing;
  fill(place, html`${options.before ?? nothing}${each(options.tools, toolButton)}${edit}${options.middle ?? nothing}<span class="push"></span>${options.after ?? nothing}${layouts}`);
  const mark = (): void => {
    const { tool, layout } = viewer.state.get();
    for (const button of place.querySelectorAll<HTMLElement>('[data-tool]')) button.setAttribute('aria-pressed', String(button.dataset.tool === tool));
    for (const button of place.querySelectorAll<HTMLElement>('[data-layout]')) button.setAttribute('aria-pressed', String(button.dataset.layout === layout));
  };
  on(place, 'click', '[data-tool]', (button) => viewer.state.set({ tool: button.dataset.tool as Tool }));
  on(place, 'click', '[data-layout]', (button) => {
    const layout = button.dataset.layout as LayoutName;
    if (options.onLayout) options.onLayout(layout);
    else void viewer.setLayout(layout);
  });
  viewer.state.watch((state) => `${state.tool} ${state.layout}`, mark);
  mark();
}
