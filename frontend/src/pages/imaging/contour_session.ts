/** The contours of one time point in this page: what the server has, what the person changed, and what the viewer shows. */
import { getTagged, getJson, postJson, send } from '../../api/client';
import { labelCentre } from '../../domain/volume_labels';
import { toWorld } from '../../domain/geometry';
import type { Step } from '../../domain/undo';
import { countVoxels, type Vec3, type VolumeHeader } from '../../domain/volume';
import type { LabelLayer, RegionLook } from '../../viewer/scan';
import { loadVolume } from '../../viewer/volumes';
import { DifferenceLayer } from './contour_difference';
import { LabelEditor, type EditorEvents, type LabelVolume, type Newest } from './label_editor';
import { isLesion } from './region_list';
import { paneColour } from './scans';
import type { Contours, Kind, RegionContour } from './wire';

export const KINDS: readonly Kind[] = ['organs', 'lesions'];
export const kindOf = (region: RegionContour): Kind => (isLesion(region) ? 'lesions' : 'organs');

type RegionRequest = { region_id: string } & Record<string, unknown>;

/** What the server made of a revision for this person; its voxels are not here yet. */
interface Made { from: number; number: number; step: { label: string; regionId: string } | null }

export class ContourSession {
  contours: Contours;
  editor: LabelEditor;
  hidden = new Set<string>();
  ghost: { number: number; layers: LabelLayer[] } | null = null;
  /** The ghost is compared: where the chosen region differs from it is drawn. */
  private isCompared = false;
  private readonly difference = new DifferenceLayer();
  private made: Made | null = null;
  /** The server changes voxels, and they are not here yet: nothing is drawn on those of before. */
  isServing = false;

  private constructor(readonly timePointId: string, contours: Contours, volumes: Partial<Record<Kind, LabelVolume>>, private readonly events: EditorEvents) {
    this.contours = contours;
    this.editor = new LabelEditor(timePointId, contours.revision?.number ?? 0, volumes, events);
  }

  static async open(timePointId: string, events: EditorEvents): Promise<ContourSession> {
    const contours = await fetchContours(timePointId);
    return new ContourSession(timePointId, contours, await loadLayers(contours), events);
  }

  /** Takes the server's newest revision; what is not saved here lies on top of it. Voxels of the same revision stay. */
  reload(): Promise<void> {
    return this.editor.alone(async () => {
      try {
        const contours = await fetchContours(this.timePointId);
        const number = contours.revision?.number ?? 0;
        const volumes = number === this.editor.revision ? null : await loadLayers(contours);
        this.contours = contours;
        if (volumes) this.take({ number, volumes });
      } finally { this.isServing = false; }
    });
  }

  /** One's own revision keeps what can be taken back, and is a step itself; one of others ends it. */
  private take(newest: Newest): void {
    const { made } = this;
    this.made = null;
    if (made?.number !== newest.number || made.from !== this.editor.revision) { this.editor.rebase(newest); return; }
    const changes = this.editor.follow(newest);
    if (!made.step) return;
    const { label, regionId } = made.step;
    const touched = this.contours.regions.filter((region) => region.id !== regionId && changes.get(kindOf(region))?.has(region.label));
    const [kind, labels] = [...changes][0] ?? [];
    this.editor.undo.push({ ...this.byRevision(made, [regionId, ...touched.map(({ id }) => id)]), label, ...(kind && labels ? { changes: { kind, labels } } : {}) });
  }

  /** Takes the server's newest revision without what was changed here. */
  async drop(): Promise<void> {
    const contours = await fetchContours(this.timePointId);
    const volumes = await loadLayers(contours);
    this.editor.dispose();
    this.contours = contours;
    this.made = null;
    this.editor = new LabelEditor(this.timePointId, contours.revision?.number ?? 0, volumes, this.events);
  }

  /** Sends what the server does with a region; refused where somebody else saved since. */
  private post(what: 'states' | 'rejections' | 'operations' | 'restore', body: object): Promise<{ number: number }> {
    return postJson(`/api/time-points/${this.timePointId}/contours/${what}`, body, { 'If-Match': `"${this.editor.revision}"` });
  }

  /** Lets the server change a region; `reload` takes what came of it, as a step that can be taken back. */
  operate(body: RegionRequest, what: string): Promise<void> {
    return this.serve('operations', body, { label: `${this.region(body.region_id)?.name ?? ''}: ${what}`, regionId: body.region_id });
  }

  private async serve(what: 'operations' | 'restore', body: object, step: Made['step']): Promise<void> {
    const from = this.editor.revision;
    this.isServing = true;
    try { this.made = { from, number: (await this.post(what, body)).number, step }; }
    catch (error) { this.isServing = false; throw error; }
  }

  setState(body: RegionRequest, label: string): Promise<void> {
    return this.decide('states', body, [body.region_id], label);
  }

  /** Rejects regions that were looked at together; one step takes all of them back. */
  reject(regionIds: readonly string[], seconds: number | null, label: string): Promise<void> {
    return this.decide('rejections', { region_ids: regionIds, hands_on_s: seconds }, regionIds, label);
  }

  /** A decision makes a revision of the same voxels: what is drawn here is drawn on that one from then on. */
  private async decide(what: 'states' | 'rejections', body: object, regionIds: readonly string[], label: string): Promise<void> {
    const from = this.editor.revision;
    const { number } = await this.post(what, body);
    this.editor.revision = number;
    this.editor.undo.push({ ...this.byRevision({ from, number }, regionIds), label });
  }

  /** A lock makes a revision of the same voxels too, and is taken back by unlocking. */
  async setLock(body: { region_id: string; is_locked: boolean }): Promise<void> {
    this.editor.revision = (await this.post('states', body)).number;
  }

  /** Regions go back to the revision before a step of the server, and forth to the one that it made. */
  private byRevision({ from, number }: { from: number; number: number }, regionIds: readonly string[]): Pick<Step, 'undo' | 'redo' | 'isByRevision'> {
    const to = (wanted: number) => (): Promise<void> => {
      const first = this.region(regionIds[0] ?? '');
      const seconds = first ? this.events.handsOnS?.(this.timePointId, kindOf(first), first.label) : null;
      return this.serve('restore', { number: wanted, region_ids: regionIds, hands_on_s: seconds ?? null }, null)
        .then(() => { if (first) this.events.onRevision?.(this.timePointId, kindOf(first), [first.label]); });
    };
    return { isByRevision: true, undo: to(from), redo: to(number) };
  }

  /** Neighbours of a region that no tool takes voxels from: locked, or accepted by a person. */
  spared(region: RegionContour): ReadonlySet<number> {
    const beside = this.contours.regions.filter((item) => kindOf(item) === kindOf(region) && item.id !== region.id);
    return new Set(beside.filter((item) => item.is_locked || item.state === 'accepted').map((item) => item.label));
  }

  region(id: string): RegionContour | undefined {
    return this.contours.regions.find((region) => region.id === id);
  }

  get unsaved(): Set<string> {
    return new Set(this.contours.regions.filter((region) => this.editor.changedLabels(kindOf(region)).has(region.label)).map((region) => region.id));
  }

  /** Layers for the viewer, organs below lesions, and the revision for comparison. */
  layers(selectedId: string, isOnLight: boolean): LabelLayer[] {
    const shown = KINDS.flatMap((kind): LabelLayer[] => {
      const layer = this.editor.layer(kind);
      return layer ? [{ kind, volume: layer.volume, version: layer.version, looks: this.looks(kind, selectedId, isOnLight) }] : [];
    });
    const ghosts = (this.ghost?.layers ?? []).map((layer) => ({ ...layer, looks: this.looks(layer.kind as Kind, selectedId, isOnLight) }));
    const difference = this.differenceOf(selectedId, shown, isOnLight);
    return [...ghosts, ...shown, ...(difference ? [difference] : [])];
  }

  private differenceOf(selectedId: string, shown: readonly LabelLayer[], isOnLight: boolean): LabelLayer | null {
    const region = this.region(selectedId);
    if (!this.isCompared || !region || this.hidden.has(selectedId)) return null;
    const then = this.ghost?.layers.find((layer) => layer.kind === kindOf(region));
    const now = shown.find((layer) => layer.kind === kindOf(region));
    return then && now ? this.difference.of(then.volume, now, region.label, { isOnLight, isBusy: this.editor.isPainting }) : null;
  }

  /** The revision that is compared with what is there now. */
  get comparedNumber(): number | null {
    return this.isCompared ? (this.ghost?.number ?? null) : null;
  }

  async compare(number: number): Promise<void> {
    if (this.ghost?.number !== number) await this.showGhost(number);
    this.isCompared = true;
  }

  endComparison(): void {
    this.isCompared = false;
    this.ghost = null;
  }

  private looks(kind: Kind, selectedId: string, isOnLight: boolean): Map<number, RegionLook> {
    return new Map(this.contours.regions.filter((region) => kindOf(region) === kind).map((region) => [region.label, {
      label: region.label, colour: paneColour(region.colour, isOnLight), colourOnLight: paneColour(region.colour, true), state: region.state, isSelected: region.id === selectedId, isVisible: !this.hidden.has(region.id),
    }]));
  }

  centreOf(region: RegionContour): Vec3 | null {
    const layer = this.editor.layer(kindOf(region));
    const index = layer ? labelCentre(layer.volume.header, layer.volume.voxels, region.label) : null;
    return layer && index ? toWorld(layer.volume.header, index) : null;
  }

  async showGhost(number: number): Promise<void> {
    this.isCompared = false;
    if (this.ghost?.number === number) { this.ghost = null; return; }
    const layers = await Promise.all(KINDS.map(async (kind): Promise<LabelLayer> => {
      return { kind, volume: await this.revisionLabels(number, kind), version: 1, looks: new Map(), isGhost: true };
    }));
    this.ghost = { number, layers };
  }

  /** Kinds of which the server kept a draft of this user. */
  drafts(): Kind[] {
    return KINDS.filter((kind) => this.contours.draft?.[kind]);
  }

  /** Takes every draft; returns whether one held anything. */
  async restoreAll(): Promise<boolean> {
    return (await Promise.all(this.drafts().map((kind) => this.restore(kind)))).includes(true);
  }

  /** Takes from a draft what it changed of the revision that it was drawn on; returns whether that is anything. */
  async restore(kind: Kind): Promise<boolean> {
    const layer = this.editor.layer(kind);
    if (!layer) return false;
    const response = await send('GET', `/api/time-points/${this.timePointId}/contours/${kind}/draft`, { headers: { Accept: '*/*' } });
    const number = Number(response.headers.get('X-Base-Number') ?? Number.NaN);
    if (!Number.isInteger(number)) throw new Error('The server did not say on which revision the draft was drawn.');
    const draft = await inflated(await response.arrayBuffer(), countVoxels(layer.volume.header));
    const base = number === 0 ? new Uint8Array(draft.length) : (await this.revisionLabels(number, kind)).voxels;
    return this.editor.restoreDraft(kind, draft, base);
  }

  private async revisionLabels(number: number, kind: Kind): Promise<LabelVolume> {
    const { volume } = await getJson<{ volume: string }>(`/api/time-points/${this.timePointId}/contours/revisions/${number}/${kind}`);
    return loadLabels(volume);
  }
}

async function inflated(body: ArrayBuffer, count: number): Promise<Uint8Array<ArrayBuffer>> {
  if (body.byteLength === count) return new Uint8Array(body);
  const stream = new Blob([body]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const fetchContours = async (timePointId: string): Promise<Contours> => (await getTagged<Contours>(`/api/time-points/${timePointId}/contours`)).data;

async function loadLayers(contours: Contours): Promise<Partial<Record<Kind, LabelVolume>>> {
  const entries = await Promise.all(KINDS.map(async (kind): Promise<[Kind, LabelVolume]> => {
    const id = contours.layers?.[kind]?.volume;
    return [kind, id ? await loadLabels(id) : emptyLabels(kind, contours.grid)];
  }));
  return Object.fromEntries(entries);
}

async function loadLabels(id: string): Promise<LabelVolume> {
  const volume = await loadVolume(id);
  if (!(volume.voxels instanceof Uint8Array)) throw new Error('The contours are not a label volume.');
  return { ...volume, voxels: volume.voxels as Uint8Array<ArrayBuffer> };
}

function emptyLabels(kind: Kind, grid: VolumeHeader): LabelVolume {
  return { id: `new-${kind}`, header: { ...grid, dtype: 'uint8', kind: 'labels', unit: '' }, voxels: new Uint8Array(countVoxels(grid)) };
}
