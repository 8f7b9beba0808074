/** Contours of one time point while a person edits them: strokes, undo, drafts every few seconds, and saving as a revision. */
import { ApiError, send } from '../../api/client';
import { nearestValue } from '../../domain/sampling';
import { toWorld } from '../../domain/geometry';
import { differingLabels, withRegionsOf } from '../../domain/label_merge';
import { inTurn } from '../../domain/once';
import { UndoStack } from '../../domain/undo';
import { Stroke, type Brush } from '../../domain/volume_painting';
import type { Vec3, Volume, VolumeHeader } from '../../domain/volume';
import type { PaintPoint } from '../../viewer/input';
import { packVoxels } from '../../viewer/volumes';
import type { Kind } from './wire';

export type LabelVolume = Volume & { voxels: Uint8Array<ArrayBuffer> };

/** A revision of the server: its number, and its voxels. */
export interface Newest { number: number; volumes: Partial<Record<Kind, LabelVolume>> }

export type SaveState = { kind: 'saved' | 'changed' | 'saving' | 'draft' } | { kind: 'failed'; reason: string };

interface Layer {
  volume: LabelVolume;
  version: number;
  /** Labels that are not saved, each with how often it was touched: a save settles only what it carried. */
  changed: Map<number, number>;
}

interface Packed { labels: readonly number[]; touches: ReadonlyMap<number, number>; headers: Record<string, string>; body: Blob }

const DRAFT_PAUSE_MS = 3000;

export interface EditorEvents {
  onPaint: () => void;
  onSaveState: (state: SaveState) => void;
  onUndo: () => void;
  /** Seconds of work on a region since the last action on it; null: unknown. */
  handsOnS?: (timePointId: string, kind: Kind, label: number) => number | null;
  /** A revision holds the strokes of these regions. */
  onRevision?: (timePointId: string, kind: Kind, labels: readonly number[]) => void;
}

export class LabelEditor {
  readonly undo: UndoStack;
  private readonly layers = new Map<Kind, Layer>();
  private stroke: { stroke: Stroke; kind: Kind; brush: Brush; last: Vec3 } | null = null;
  private timer = 0;
  private readonly queue = inTurn();

  constructor(readonly timePointId: string, public revision: number, volumes: Partial<Record<Kind, LabelVolume>>, private readonly events: EditorEvents) {
    for (const kind of ['organs', 'lesions'] as const) {
      const volume = volumes[kind];
      // Edited in place, so never the copy that the volume cache holds.
      if (volume) this.layers.set(kind, { volume: { ...volume, voxels: volume.voxels.slice() }, version: 1, changed: new Map() });
    }
    this.undo = new UndoStack(() => events.onUndo());
  }

  layer(kind: Kind): Layer | undefined {
    return this.layers.get(kind);
  }

  changedLabels(kind: Kind): ReadonlySet<number> {
    return new Set(this.layers.get(kind)?.changed.keys());
  }

  get isChanged(): boolean {
    return [...this.layers.values()].some((layer) => layer.changed.size > 0);
  }

  /** Whether a stroke goes on. */
  get isPainting(): boolean {
    return this.stroke !== null;
  }

  begin(kind: Kind, at: PaintPoint, brush: Brush): void {
    const layer = this.layers.get(kind);
    if (!layer) return;
    const stroke = new Stroke(layer.volume.header, layer.volume.voxels);
    stroke.dab(at.point, brush);
    this.stroke = { stroke, kind, brush, last: at.point };
    this.touch(kind);
  }

  move(at: PaintPoint): void {
    if (!this.stroke || at.plane !== this.stroke.brush.plane) return;
    this.stroke.stroke.drag(this.stroke.last, at.point, this.stroke.brush);
    this.stroke.last = at.point;
    this.touch(this.stroke.kind);
  }

  end(label: string): void {
    if (!this.stroke) return;
    const { stroke, kind } = this.stroke;
    this.stroke = null;
    this.keep(kind, stroke, label);
  }

  /** Ends the stroke that goes on and takes it back; it may be done again. */
  cancel(): void {
    const hasPainted = (this.stroke?.stroke.size ?? 0) > 0;
    this.end('Cancelled');
    if (hasPainted) void this.undo.undo();
  }

  /** One edit at once, as a closed line, a fill or a sphere makes it; returns how many voxels it changed. */
  apply(kind: Kind, label: string, edit: (stroke: Stroke, header: VolumeHeader) => void): number {
    const layer = this.layers.get(kind);
    if (!layer) return 0;
    this.end('Stroke');
    const stroke = new Stroke(layer.volume.header, layer.volume.voxels);
    edit(stroke, layer.volume.header);
    this.touch(kind);
    this.keep(kind, stroke, label);
    return stroke.size;
  }

  private keep(kind: Kind, stroke: Stroke, label: string): void {
    if (stroke.size === 0) return;
    const labels = stroke.touched();
    const { undo, redo } = stroke.finish();
    const run = (work: () => void) => (): undefined => { work(); this.touch(kind); this.mark(kind, labels); };
    this.undo.push({ label, undo: run(undo), redo: run(redo), changes: { kind, labels } });
    this.mark(kind, labels);
  }

  private touch(kind: Kind): void {
    const layer = this.layers.get(kind);
    if (layer) layer.version += 1;
    this.events.onPaint();
  }

  private mark(kind: Kind, labels: ReadonlySet<number>): void {
    const layer = this.layers.get(kind);
    if (!layer) return;
    for (const label of labels) layer.changed.set(label, (layer.changed.get(label) ?? 0) + 1);
    this.events.onSaveState({ kind: 'changed' });
    this.draftSoon();
  }

  private draftSoon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.saveDraft(), DRAFT_PAUSE_MS);
  }

  /** Work during which neither a draft nor a revision is on its way to the server. */
  alone(work: () => Promise<void>): Promise<void> {
    return this.queue(work);
  }

  /** Sends what is not saved as a draft of this user; a draft is no revision and changes nothing for others. */
  saveDraft(): Promise<void> {
    window.clearTimeout(this.timer);
    return this.queue(async () => {
      if (!this.isChanged) return;
      this.events.onSaveState({ kind: 'saving' });
      try {
        for (const [kind, layer] of this.layers) if (layer.changed.size > 0) await this.put(kind, layer);
        this.events.onSaveState({ kind: 'draft' });
      } catch (error) { this.tellFailed(error); }
    });
  }

  /** What one request carries, taken at once: voxels, labels and revision belong together while strokes go on. */
  private async packed(kind: Kind, layer: Layer, note: string): Promise<Packed> {
    const touches = new Map(layer.changed);
    const running = this.stroke?.kind === kind ? this.stroke.stroke.touched() : [];
    const labels = [...new Set([...touches.keys(), ...running])].sort((a, b) => a - b);
    const { revision } = this;
    const { body, sha256 } = await packVoxels(layer.volume.voxels.slice());
    return {
      labels, touches, body,
      headers: {
        'Content-Type': 'application/octet-stream', 'If-Match': `"${revision}"`, 'X-Voxels-SHA256': sha256,
        'X-Changed-Labels': labels.join(','), ...(note ? { 'X-Note': encodeURIComponent(note) } : {}),
      },
    };
  }

  private handsOn(kind: Kind, labels: readonly number[]): Record<string, string> {
    const known = labels.map((label) => [label, this.events.handsOnS?.(this.timePointId, kind, label) ?? null] as const).filter(([, seconds]) => seconds !== null);
    return known.length > 0 ? { 'X-Hands-On-S': known.map(([label, seconds]) => `${label}=${seconds}`).join(',') } : {};
  }

  private async put(kind: Kind, layer: Layer): Promise<void> {
    const { headers, body } = await this.packed(kind, layer, '');
    await send('PUT', `/api/time-points/${this.timePointId}/contours/${kind}/draft`, { headers, body });
  }

  /** Saves every changed layer as a new revision; a newer one on the server ends in a conflict that the page resolves. */
  save(note: string): Promise<void> {
    window.clearTimeout(this.timer);
    return this.queue(async () => {
      this.events.onSaveState({ kind: 'saving' });
      try {
        for (const [kind, layer] of this.layers) if (layer.changed.size > 0) await this.post(kind, layer, note);
        this.events.onSaveState({ kind: this.isChanged ? 'changed' : 'saved' });
      } catch (error) {
        this.draftSoon();
        this.tellFailed(error);
        throw error;
      }
    });
  }

  private async post(kind: Kind, layer: Layer, note: string): Promise<void> {
    const { labels, touches, headers, body } = await this.packed(kind, layer, note);
    const response = await send('POST', `/api/time-points/${this.timePointId}/contours/${kind}/voxels`, { headers: { ...headers, ...this.handsOn(kind, labels) }, body });
    this.revision = (await response.json() as { number: number }).number;
    this.events.onRevision?.(this.timePointId, kind, labels);
    for (const [label, count] of touches) if (layer.changed.get(label) === count) layer.changed.delete(label);
  }

  private tellFailed(error: unknown): void {
    this.events.onSaveState({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }

  /** Takes another revision and lays the regions that are not saved over it; those of others stay as they are there. */
  rebase(theirs: Newest): void {
    this.end('Stroke');
    for (const [kind, layer] of this.layers) {
      const base = theirs.volumes[kind];
      if (base) this.lay(layer, base, layer.volume.voxels, new Set(layer.changed.keys()));
    }
    this.revision = theirs.number;
    this.undo.clear();
  }

  /**
   * Takes the revision that the server made of the last one for this person. Voxels change in place, so that the steps before
   * go back as they came; returns which regions changed, by kind.
   */
  follow({ number, volumes }: Newest): Map<Kind, ReadonlySet<number>> {
    this.end('Stroke');
    const changes = new Map<Kind, ReadonlySet<number>>();
    for (const [kind, layer] of this.layers) {
      const made = volumes[kind];
      if (!made) continue;
      const { voxels } = layer.volume;
      const next = withRegionsOf({ mine: voxels, theirs: made.voxels, taken: new Set(layer.changed.keys()) });
      const labels = differingLabels(voxels, next);
      if (labels.size > 0) changes.set(kind, labels);
      voxels.set(next);
      layer.volume = { ...made, voxels };
      layer.version += 1;
    }
    this.revision = number;
    return changes;
  }

  /** Lays what a draft changed of the voxels that it was drawn on over the present ones; returns whether it changed anything. */
  restoreDraft(kind: Kind, draft: Uint8Array, base: Uint8Array): boolean {
    const layer = this.layers.get(kind);
    if (!layer || [draft, base].some((voxels) => voxels.length !== layer.volume.voxels.length)) throw new Error('The draft was drawn on images of another grid.');
    const labels = differingLabels(base, draft);
    if (labels.size === 0) return false;
    this.lay(layer, layer.volume, draft, labels);
    this.undo.clear();
    this.mark(kind, labels);
    return true;
  }

  private lay(layer: Layer, base: LabelVolume, mine: Uint8Array, taken: ReadonlySet<number>): void {
    const isSameGrid = mine.length === base.voxels.length;
    if (!isSameGrid) layer.changed.clear();
    layer.volume = { ...base, voxels: isSameGrid ? withRegionsOf({ mine, theirs: base.voxels, taken }) : base.voxels.slice() };
    layer.version += 1;
  }

  dispose(): void {
    window.clearTimeout(this.timer);
  }
}

/** Whether somebody else saved first. Other refusals have the status 409 too: a locked region, another grid. */
export const isConflict = (error: unknown): error is ApiError => error instanceof ApiError && error.code === 'stale_revision';

/** Paints only where the emission image reaches a value: nearest voxel, in the unit of the voxels. */
export function acceptsAbove(labels: Volume, emission: Volume, threshold: number): (i: number, j: number, k: number) => boolean {
  return (i, j, k) => (nearestValue(emission, toWorld(labels.header, [i, j, k])) ?? Number.NEGATIVE_INFINITY) >= threshold;
}
