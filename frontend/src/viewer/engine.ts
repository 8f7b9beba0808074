/** The one door to Cornerstone: its viewports, display sets and backends. Everything else uses these calls. */
import * as cornerstone from '@cornerstonejs/core';
import { PLANE_AXES, withAxis, at, type PaneFrame, type Plane } from '../domain/geometry';
import type { Vec3, Volume, Window } from '../domain/volume';
import { COLOUR_MAPS, type ColourMapName } from './colourmaps';
import { displayScale, forgetDisplayVolumes, installDisplayVolumes, showDisplayVolume } from './display_volumes';

export type Backend = 'cpu' | 'gpu';

export class NoWebGlError extends Error {
  constructor() {
    super('This browser has no WebGL 2, so images cannot be shown. Turn on hardware acceleration, or use another browser.');
    this.name = 'NoWebGlError';
  }
}

/** How a base image or a wash looks. Window and threshold are in the unit of the voxels. */
export interface Look {
  window: Window;
  map: ColourMapName;
  opacity?: number;
  /** Nothing is drawn at or below this value. */
  threshold?: number;
  isVisible?: boolean;
}

interface EnginePane {
  element: HTMLDivElement;
  plane: Plane;
  base: Volume | null;
  wash: Volume | null;
  /** Where it lies, as long as its view and its size stay. */
  frame: PaneFrame | null;
}

const ENGINE_ID = 'viewer';
const MAX_CACHE_BYTES = 1.5e9;
const ORIENTATION = {
  axial: cornerstone.Enums.OrientationAxis.AXIAL, coronal: cornerstone.Enums.OrientationAxis.CORONAL, sagittal: cornerstone.Enums.OrientationAxis.SAGITTAL,
} as const satisfies Record<Plane, string>;
let isStarted = false;
let isSoftware = false;

/** Cornerstone's own choice takes the graphics path even when it is emulated, so the choice is made here. */
function startCornerstone(): Backend {
  const capabilities = cornerstone.getRenderingCapabilities();
  if (!capabilities.webgl2) throw new NoWebGlError();
  const asked = new URLSearchParams(window.location.search).get('backend'); // to compare both, and for tests
  const backend: Backend = asked === 'cpu' || asked === 'gpu' ? asked : capabilities.softwareRasterizer ? 'cpu' : 'gpu';
  if (!isStarted) {
    cornerstone.init({ rendering: { planar: { renderBackend: backend } } } as Parameters<typeof cornerstone.init>[0]);
    cornerstone.cache.setMaxCacheSize(MAX_CACHE_BYTES);
    for (const [name, points] of Object.entries(COLOUR_MAPS)) {
      cornerstone.utilities.colormap.registerColormap({
        Name: name, name, ColorSpace: 'RGB', RGBPoints: points.flatMap(([where, ...rgb]) => [where, ...rgb.map((channel) => channel / 255)]),
      } as Parameters<typeof cornerstone.utilities.colormap.registerColormap>[0]);
    }
    installDisplayVolumes();
    cornerstone.setCanvasCreator(newCanvas);
    isStarted = true;
  }
  isSoftware = backend === 'cpu';
  return backend;
}

/** The software path computes pixels itself: a canvas on an emulated graphics path would copy them there for every layer of every frame. */
function newCanvas(): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  if (isSoftware) canvas.getContext('2d', { willReadFrequently: true });
  return canvas;
}

export class ImageEngine {
  private readonly engine: cornerstone.RenderingEngine;
  private readonly panes = new Map<string, EnginePane>();
  backend: Backend;

  constructor(private readonly onContextLost: () => void) {
    this.backend = startCornerstone();
    this.engine = new cornerstone.RenderingEngine(ENGINE_ID);
  }

  addPane(id: string, element: HTMLDivElement, plane: Plane): void {
    this.panes.set(id, { element, plane, base: null, wash: null, frame: null });
    this.engine.enableElement({
      viewportId: id, type: cornerstone.Enums.ViewportType.PLANAR_NEXT, element, defaultOptions: { orientation: ORIENTATION[plane] },
    } as Parameters<cornerstone.RenderingEngine['enableElement']>[0]);
    element.addEventListener('webglcontextlost', () => this.onContextLost(), true);
  }

  removePanes(): void {
    for (const id of this.panes.keys()) this.engine.disableElement(id);
    this.panes.clear();
  }

  private viewport(id: string): cornerstone.PlanarViewport {
    return this.engine.getViewport(id) as unknown as cornerstone.PlanarViewport;
  }

  private pane(id: string): EnginePane {
    const pane = this.panes.get(id);
    if (!pane) throw new Error(`There is no pane ${id}.`);
    return pane;
  }

  async setBase(id: string, volume: Volume, look: Look): Promise<void> {
    const pane = this.pane(id);
    const orientation = ORIENTATION[pane.plane];
    const displaySetId = showDisplayVolume(volume);
    pane.wash = null;
    pane.base = volume;
    pane.frame = null;
    await this.viewport(id).setDisplaySets({ displaySetId, options: { orientation } });
    pane.frame = null;
    if (this.panes.get(id) === pane && pane.base === volume) this.setLook(id, volume, look);
  }

  async setWash(id: string, volume: Volume | null, look: Look | null): Promise<void> {
    const pane = this.pane(id);
    if (pane.wash && pane.wash !== volume) this.viewport(id).removeData(washId(pane.wash));
    const isNew = volume !== null && pane.wash !== volume;
    pane.wash = volume;
    if (volume === null || look === null) return;
    if (isNew) {
      const displaySetId = showDisplayVolume(volume, washId(volume));
      await this.viewport(id).addDisplaySet(displaySetId, { orientation: ORIENTATION[pane.plane], role: 'overlay' } as Parameters<cornerstone.PlanarViewport['addDisplaySet']>[1]);
      if (this.panes.get(id) !== pane || pane.wash !== volume) return; // another scan was chosen meanwhile
    }
    this.setLook(id, volume, look, washId(volume));
  }

  setBaseLook(id: string, look: Look): void {
    const { base } = this.pane(id);
    if (base) this.setLook(id, base, look);
  }

  setWashLook(id: string, look: Look): void {
    const { wash } = this.pane(id);
    if (wash) this.setLook(id, wash, look, washId(wash));
  }

  /** Window and threshold reach Cornerstone in the scaled values of the display copy. */
  private setLook(id: string, volume: Volume, look: Look, displaySetId = volume.id): void {
    const scale = displayScale(volume);
    const { lower, upper } = look.window;
    if (!(upper > lower)) throw new RangeError(`A window needs an upper end above its lower end; found ${lower} to ${upper}.`);
    if (look.threshold !== undefined && !(look.threshold > lower)) throw new RangeError('A wash is shown above a threshold that lies above the lower end of its window.');
    const colormap = { name: look.map, opacity: look.opacity ?? 1, ...(look.threshold === undefined ? {} : { threshold: look.threshold * scale }) };
    this.viewport(id).setDisplaySetPresentation(displaySetId, {
      voiRange: { lower: lower * scale, upper: Math.max(upper * scale, lower * scale + 1) }, visible: look.isVisible ?? true,
      ...(look.map === 'grey' ? {} : { colormap }),
    } as Parameters<cornerstone.PlanarViewport['setDisplaySetPresentation']>[1]);
  }

  /** The software path draws a new view at once; drawing it again would double the work of each slice. */
  get drawsViewsAtOnce(): boolean {
    return this.backend === 'cpu';
  }

  /** Shows the slice through `cursor`, with `centre` in the middle of the pane, at a number of mm per CSS pixel. */
  setView(id: string, view: { cursor: Vec3; centre: Vec3; mmPerPixel: number }): void {
    const pane = this.pane(id);
    if (!pane.base) return;
    const { normal } = PLANE_AXES[pane.plane];
    const anchorWorld = withAxis(view.centre, normal, at(view.cursor, normal));
    const viewport = this.viewport(id);
    const common = {
      slice: { kind: 'volumePoint', sliceWorldPoint: [...view.cursor] }, anchorWorld: [...anchorWorld], anchorCanvas: [0.5, 0.5], scaleMode: 'fit',
    };
    type State = Parameters<typeof viewport.setViewState>[0];
    const now = viewport.getViewState().scale;
    const scale = Array.isArray(now) ? (now[0] ?? 1) : (now ?? 1);
    pane.frame = null;
    viewport.setViewState({ ...common, scale: [scale, scale] } as State);
    const frame = this.frameOf(id);
    if (!frame) return;
    const wanted = (scale * Math.hypot(...frame.right)) / view.mmPerPixel;
    if (Math.abs(wanted / scale - 1) <= 1e-4) return;
    pane.frame = null;
    viewport.setViewState({ ...common, scale: [wanted, wanted] } as State);
  }

  /** Where a pane lies in the patient now, in CSS pixels; null before it has an image. */
  frameOf(id: string): PaneFrame | null {
    const pane = this.panes.get(id);
    if (!pane?.base) return null;
    const { clientWidth: width, clientHeight: height } = pane.element;
    if (width === 0 || height === 0) return null;
    if (pane.frame?.width === width && pane.frame.height === height) return pane.frame;
    const viewport = this.viewport(id);
    const origin = viewport.canvasToWorld([0, 0]);
    const right = viewport.canvasToWorld([width, 0]);
    const down = viewport.canvasToWorld([0, height]);
    const step = (to: readonly number[], n: number): Vec3 => [0, 1, 2].map((axis) => ((to[axis] ?? 0) - (origin[axis] ?? 0)) / n) as unknown as Vec3;
    pane.frame = { origin: [origin[0], origin[1], origin[2]], right: step(right, width), down: step(down, height), width, height };
    return pane.frame;
  }

  render(ids: readonly string[] = [...this.panes.keys()]): void {
    const shown = ids.filter((id) => this.panes.get(id)?.base);
    if (shown.length > 0) this.engine.renderViewports(shown);
  }

  /**
   * Gives every picture the size of its pane; false: not yet, ask again in the next frame. On the software path Cornerstone looks
   * at its hidden first canvas, which keeps the size of the beginning, so each viewport is asked itself. On the graphics
   * path it leaves a picture half resized where a frame is promised.
   */
  resize(): boolean {
    if (this.backend === 'gpu' && this.isFramePromised) return false;
    for (const pane of this.panes.values()) pane.frame = null;
    if (this.backend === 'gpu') this.engine.resize(true, true);
    else for (const [id, { element }] of this.panes) if (element.clientWidth > 0 && element.clientHeight > 0) this.viewport(id).resize();
    this.render();
    return true;
  }

  private get isFramePromised(): boolean {
    const { _implementation: inner } = this.engine as unknown as { _implementation?: { _animationFrameSet?: boolean } };
    return inner?._animationFrameSet ?? false;
  }

  useBackend(backend: Backend): void {
    this.backend = backend;
    isSoftware = backend === 'cpu';
    cornerstone.setRenderBackend(backend, 'chosen');
  }

  destroy(): void {
    this.engine.destroy();
    forgetDisplayVolumes();
    cornerstone.cache.purgeCache();
  }
}

const washId = (volume: Volume): string => `${volume.id}:wash`;
