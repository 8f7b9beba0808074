/** The contours of one time point in this page: what the server has, what the person changed, and what the viewer shows. */
import { getTagged, getJson, send } from '../../api/client';
import { labelCentre } from '../../domain/volume_labels';
import { toWorld } from '../../domain/geometry';
import { countVoxels, type Vec3, type VolumeHeader } from '../../domain/volume';
import type { LabelLayer, RegionLook } from '../../viewer/scan';
import { loadVolume } from '../../viewer/volumes';
import { LabelEditor, type EditorEvents, type LabelVolume } from './label_editor';
import { isLesion } from './region_list';
import { paneColour } from './scans';
import type { Contours, Kind, RegionContour } from './wire';

export const KINDS: readonly Kind[] = ['organs', 'lesions'];
export const kindOf = (region: RegionContour): Kind => (isLesion(region) ? 'lesions' : 'organs');

export interface DraftInfo { kind: Kind; at: string | null; baseNumber: number | null }

export class ContourSession {
  contours: Contours;
  editor: LabelEditor;
  hidden = new Set<string>();
  ghost: { number: number; layers: LabelLayer[] } | null = null;

  private constructor(readonly timePointId: string, contours: Contours, volumes: Partial<Record<Kind, LabelVolume>>, private readonly events: EditorEvents) {
    this.contours = contours;
    this.editor = new LabelEditor(timePointId, contours.revision?.number ?? 0, volumes, events);
  }

  static async open(timePointId: string, events: EditorEvents): Promise<ContourSession> {
    const contours = await fetchContours(timePointId);
    return new ContourSession(timePointId, contours, await loadLayers(contours), events);
  }

  /** Takes the server's newest revision, without what was changed here. */
  async reload(): Promise<void> {
    this.contours = await fetchContours(this.timePointId);
    const volumes = await loadLayers(this.contours);
    this.editor.dispose();
    this.editor = new LabelEditor(this.timePointId, this.contours.revision?.number ?? 0, volumes, this.events);
  }

  /** Reads the numbers again and keeps the voxels: after a save they are the same. */
  async reloadNumbers(): Promise<void> {
    this.contours = await fetchContours(this.timePointId);
    this.editor.revision = this.contours.revision?.number ?? this.editor.revision;
  }

  async newestLayers(): Promise<{ number: number; volumes: Partial<Record<Kind, LabelVolume>> }> {
    const contours = await fetchContours(this.timePointId);
    return { number: contours.revision?.number ?? 0, volumes: await loadLayers(contours) };
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
    return [...ghosts, ...shown];
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
    if (this.ghost?.number === number) { this.ghost = null; return; }
    const layers = await Promise.all(KINDS.map(async (kind): Promise<LabelLayer> => {
      const answer = await getJson<Record<string, unknown>>(`/api/time-points/${this.timePointId}/contours/revisions/${number}/${kind}`);
      const id = [answer.volume, answer.id, answer.asset_id].find((value): value is string => typeof value === 'string') ?? '';
      return { kind, volume: await loadLabels(id), version: 1, looks: new Map(), isGhost: true };
    }));
    this.ghost = { number, layers };
  }

  /** Drafts of this user that the server kept, newest base first. */
  drafts(): DraftInfo[] {
    const { draft } = this.contours;
    if (!draft || typeof draft !== 'object') return [];
    const entries: [string, unknown][] = Array.isArray(draft) ? draft.map((item) => [String((item as { kind?: unknown }).kind ?? ''), item])
      : 'kind' in draft ? [[String((draft as { kind: unknown }).kind), draft]] : Object.entries(draft);
    return entries.flatMap(([name, value]): DraftInfo[] => {
      const kind = KINDS.find((known) => known === name || known === `${name}s`);
      if (!kind || !value || typeof value !== 'object') return [];
      const { updated_at: updated, at, base_number: base } = value as { updated_at?: string; at?: string; base_number?: number };
      return [{ kind, at: updated ?? at ?? null, baseNumber: base ?? null }];
    });
  }

  async restore({ kind }: DraftInfo): Promise<void> {
    const layer = this.editor.layer(kind);
    if (!layer) return;
    const response = await send('GET', `/api/time-points/${this.timePointId}/contours/${kind}/draft`, { headers: { Accept: '*/*' } });
    const voxels = await inflated(await response.arrayBuffer(), countVoxels(layer.volume.header));
    this.editor.restoreDraft(kind, voxels);
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
