/** Mouse and pen on the panes: wheel scrolls, Ctrl+wheel zooms, middle drag pans, right drag sets the window, left is the tool. */
import type { Plane, Point2 } from '../domain/geometry';
import type { Vec3 } from '../domain/volume';
import type { Viewer } from './viewer';

export interface PaintPoint {
  point: Vec3;
  plane: Plane;
  index: number;
  /** Shift was held: the tool does its opposite. */
  isOpposite?: boolean;
}

/** What a page does with the left button when a contour tool is chosen. */
export interface PaintTool {
  radiusMm: () => number;
  start: (at: PaintPoint) => void;
  move: (at: PaintPoint) => void;
  end: () => void;
  /** Esc: what was begun leaves no trace. */
  cancel: () => void;
  /** The pointer moves with no button down. */
  hover: (at: PaintPoint) => void;
  /** Enter or a double click ends, Backspace takes a point back; says whether there was something to end or take back. */
  key: (key: 'Enter' | 'Backspace') => boolean;
}

type Action = 'tool' | 'pan' | 'window' | 'zoom';
interface Drag { action: Action; index: number; last: Point2; pointer: number }

const PAINTING = new Set(['area', 'brush', 'erase', 'threshold', 'sphere', 'ball', 'draw', 'scissors', 'fill']);
const PIXELS_PER_SLICE = 30;

export function listenTo(viewer: Viewer): void {
  const { root } = viewer;
  let drag: Drag | null = null;
  let wheel = 0;

  const placeOf = (event: MouseEvent): { index: number; xy: Point2 } | null => {
    const pane = (event.target as Element | null)?.closest<HTMLElement>('.pane[data-plane]');
    if (!pane) return null;
    const box = pane.getBoundingClientRect();
    return { index: Number(pane.dataset.pane), xy: [event.clientX - box.left, event.clientY - box.top] };
  };
  const paintPoint = (index: number, xy: Point2, isOpposite: boolean): PaintPoint | null => {
    const point = viewer.pointAt(index, xy);
    const shown = viewer.shownAt(index);
    return point && shown ? { point, plane: shown.pane.plane, index, isOpposite } : null;
  };

  root.addEventListener('contextmenu', (event) => event.preventDefault());
  root.addEventListener('wheel', (event) => {
    const place = placeOf(event);
    if (!place) return;
    event.preventDefault();
    if (event.ctrlKey) { viewer.zoomBy(Math.exp(-event.deltaY * 0.002), place); return; }
    wheel += event.deltaMode === 0 ? event.deltaY : event.deltaY * PIXELS_PER_SLICE;
    const steps = Math.trunc(wheel / PIXELS_PER_SLICE);
    if (steps === 0) return;
    wheel -= steps * PIXELS_PER_SLICE;
    viewer.scroll(-steps, place.index);
  }, { passive: false });

  root.addEventListener('pointerdown', (event) => {
    const place = placeOf(event);
    if (!place) return;
    viewer.state.set({ active: place.index });
    root.focus({ preventScroll: true });
    const { tool } = viewer.state.get();
    const byTool: Action = tool === 'pan' || tool === 'window' || tool === 'zoom' ? tool : 'tool';
    drag = { action: event.button === 1 ? 'pan' : event.button === 2 ? 'window' : byTool, index: place.index, last: place.xy, pointer: event.pointerId };
    root.setPointerCapture(event.pointerId);
    event.preventDefault();
    if (drag.action === 'tool') startTool(viewer, paintPoint(place.index, place.xy, event.shiftKey));
  });

  root.addEventListener('pointermove', (event) => {
    if (drag && event.pointerId === drag.pointer) { continueDrag(event, drag); return; }
    const place = placeOf(event);
    if (!place) return;
    viewer.showReadings(place.index, viewer.pointAt(place.index, place.xy));
    showRing(place.index, place.xy);
    if (PAINTING.has(viewer.state.get().tool)) { const at = paintPoint(place.index, place.xy, event.shiftKey); if (at) viewer.paintTool?.hover(at); }
    viewer.shownAt(place.index)?.pane.spyAt(place.xy);
  });

  const continueDrag = (event: PointerEvent, now: Drag): void => {
    const pane = viewer.shownAt(now.index)?.pane.root;
    if (!pane) return;
    const box = pane.getBoundingClientRect();
    const xy: Point2 = [event.clientX - box.left, event.clientY - box.top];
    const [dx, dy] = [xy[0] - now.last[0], xy[1] - now.last[1]];
    now.last = xy;
    if (now.action === 'pan') viewer.panBy(now.index, dx, dy);
    else if (now.action === 'zoom') viewer.zoomBy(Math.exp(-dy * 0.008));
    else if (now.action === 'window') dragWindow(viewer, now.index, dx, dy);
    else { const at = paintPoint(now.index, xy, event.shiftKey); if (at) moveTool(viewer, at); showRing(now.index, xy); }
  };

  const showRing = (index: number, xy: Point2): void => {
    const radiusMm = PAINTING.has(viewer.state.get().tool) ? viewer.paintTool?.radiusMm() : undefined;
    viewer.showBrush(index, radiusMm ? { xy, radiusMm } : null);
  };

  const finish = (event: PointerEvent): void => {
    if (!drag || event.pointerId !== drag.pointer) return;
    if (drag.action === 'tool' && PAINTING.has(viewer.state.get().tool)) viewer.paintTool?.end();
    drag = null;
  };
  root.addEventListener('pointerup', finish);
  root.addEventListener('pointercancel', finish);
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !PAINTING.has(viewer.state.get().tool)) return;
    viewer.paintTool?.cancel();
    if (drag?.action === 'tool') drag = null;
  });
  root.addEventListener('keydown', (event) => {
    if ((event.key === 'Enter' || event.key === 'Backspace') && viewer.paintTool?.key(event.key)) event.preventDefault();
  });
  root.addEventListener('pointerleave', () => {
    if (drag) return;
    viewer.showBrush(-1, null);
    viewer.onProbe(null);
    viewer.schedule();
  });
  root.addEventListener('dblclick', (event) => {
    // The viewer has captured the pointer, so that the event says nothing of the pane.
    const pane = document.elementFromPoint(event.clientX, event.clientY)?.closest<HTMLElement>('.pane');
    if (!pane) return;
    if (PAINTING.has(viewer.state.get().tool)) { viewer.paintTool?.key('Enter'); return; }
    const index = Number(pane.dataset.pane);
    viewer.state.set({ enlarged: viewer.state.get().enlarged === index ? -1 : index });
  });
}

function startTool(viewer: Viewer, at: PaintPoint | null): void {
  if (!at) return;
  const { tool } = viewer.state.get();
  if (tool === 'crosshair') viewer.goTo(at.point);
  else if (tool === 'ruler') { viewer.ruler = { from: at.point, to: at.point, plane: at.plane }; viewer.schedule(); }
  else if (PAINTING.has(tool)) viewer.paintTool?.start(at);
}

function moveTool(viewer: Viewer, at: PaintPoint): void {
  const { tool } = viewer.state.get();
  if (tool === 'crosshair') viewer.goTo(at.point);
  else if (tool === 'ruler' && viewer.ruler) { viewer.ruler = { ...viewer.ruler, to: at.point }; viewer.schedule(); }
  else if (PAINTING.has(tool)) viewer.paintTool?.move(at);
}

/** CT: width by dragging sideways, level by dragging up and down. Emission and dose: the upper end by dragging up and down. */
function dragWindow(viewer: Viewer, index: number, dx: number, dy: number): void {
  const { ctWindow, emissionWindow, emissionThreshold, doseWindow, isFusionOn, isWashOn } = viewer.state.get();
  const resolved = viewer.shownAt(index)?.resolved;
  if (!resolved) return;
  const kind = resolved.isBaseEmission && !(resolved.washKind === 'dose' && isWashOn) ? 'emission' : resolved.washKind;
  if ((kind === 'emission' && (isFusionOn || resolved.isBaseEmission)) || (kind === 'dose' && isWashOn)) {
    const window = kind === 'dose' ? doseWindow : emissionWindow;
    const upper = Math.max(window.upper * Math.exp(-dy * 0.006), window.lower + 1e-6);
    if (kind === 'dose') viewer.state.set({ doseWindow: { ...window, upper } });
    else viewer.state.set({ emissionWindow: { ...window, upper }, emissionThreshold: emissionThreshold * (upper / window.upper) });
    return;
  }
  const width = Math.max(ctWindow.upper - ctWindow.lower + dx * 2, 2);
  const level = (ctWindow.upper + ctWindow.lower) / 2 + dy;
  viewer.state.set({ ctWindow: { lower: level - width / 2, upper: level + width / 2 } });
}
