/** Shapes of the images, registrations and contours as the server sends them. */
import { getJson } from '../../api/client';
import type { RegionChange } from '../parts/partial_volume';
import type { MaybeQuantity } from '../../domain/quantity';
import type { VolumeHeader, Window } from '../../domain/volume';
import type { Finding } from '../parts/findings';

export interface SeriesFact {
  id: string;
  kind: string;
  modality: string;
  description?: string;
  station_name?: string;
  n_instances?: number;
}

export interface QuantifiedImage {
  id: string;
  number: number;
  is_stale: boolean;
  stale_causes?: readonly string[];
  emission_volume: string;
  ct_volume: string | null;
  activity: MaybeQuantity;
  modality?: string;
  unit?: string;
  units?: string;
  corrections?: readonly string[];
  decay_reference?: string;
  decay_correction?: string;
  calibration?: string | { camera?: string; value?: MaybeQuantity } | null;
  steps: readonly string[];
  /** What partial-volume correction of the newest curves changed; null: nothing is corrected. */
  partial_volume: { method: string; text: string; changes: RegionChange[] } | null;
  findings: Finding[];
  /** Address of the DICOM file of an image that the product reconstructed; null: the camera made the image. */
  dicom_url: string | null;
  series?: Record<string, unknown>;
}

export interface TimePoint {
  id: string;
  number: number;
  is_reference: boolean;
  time: MaybeQuantity;
  acquired_at: string | null;
  /** Start of the scan, and hours from the start of the administration to it: known before the image is prepared. */
  started_at?: string | null;
  start_time?: MaybeQuantity;
  image: QuantifiedImage | null;
  series: readonly SeriesFact[];
  run: { id: string; state: string } | null;
}

export interface Images {
  time_points: TimePoint[];
  window: Window | null;
  /** Settings of the last reconstruction, or what is usual for the camera; null where no scan came as projections. */
  reconstruction: SpectSettings | null;
  /** Cameras whose resolution is known. */
  cameras: readonly string[];
}

export interface SpectSettings { camera: string; penetration_share: number; penetration_fwhm_mm: number; n_iterations: number; n_subsets: number; post_filter_fwhm_mm: number; scatter: string; has_attenuation: boolean; dead_time_s: number; dead_time_model: string; n_replicates: number }

export const fetchImages = (cycleId: string): Promise<Images> => getJson<Images>(`/api/cycles/${cycleId}/images`);

export interface Registration {
  id: string;
  number: number;
  method: string;
  matrix: unknown;
  shift_mm: [number, number, number];
  rotation_deg: [number, number, number];
  quality: Record<string, unknown>;
  findings: Finding[];
  decision: string;
  decided_by: string | null;
  remark: string;
  resampled_volume: string | null;
  is_stale: boolean;
}

export interface RegistrationItem {
  time_point_id: string;
  registration: Registration | null;
  run: { id: string; state: string } | null;
}

export interface Registrations {
  reference_time_point_id: string | null;
  items: RegistrationItem[];
}

export const fetchRegistrations = (cycleId: string): Promise<Registrations> => getJson<Registrations>(`/api/cycles/${cycleId}/registrations`);

export type Kind = 'organs' | 'lesions';

export interface RegionContour {
  id: string;
  label: number;
  kind: string;
  name: string;
  colour: string;
  state: string;
  source: string;
  source_detail?: string;
  is_locked: boolean;
  /** Not drawn here, and rejected at every time point of the course that shows it. */
  is_rejected_elsewhere?: boolean;
  /** Number of the revision that first proposed the region, or first refused to; null: nothing proposed it. */
  original_number?: number | null;
  /** Of a network in its own proposal, 0 to 1, and why it doubts it. */
  confidence?: number | null;
  reasons?: readonly { code: string; level: string; message: string }[];
  volume: MaybeQuantity;
  contour_volume?: MaybeQuantity;
  polygon_volume?: MaybeQuantity;
  mean: MaybeQuantity;
  maximum?: MaybeQuantity;
  activity: MaybeQuantity;
  statements?: readonly string[];
  findings?: Finding[];
}

/** What the present contours of a region would change downstream, until curves and dose are computed anew. */
export interface Preview {
  calculation_number: number;
  is_changed: boolean;
  obstacle: string;
  activity: MaybeQuantity;
  rows: { name: string; before: MaybeQuantity; after: MaybeQuantity; change_percent: number | null }[];
}

export const fetchPreview = async (timePointId: string, regionId: string): Promise<Preview | null> =>
  (await getJson<{ preview: Preview | null }>(`/api/time-points/${timePointId}/contours/preview/${regionId}`)).preview;

/** What the network that the site enabled can propose; null: none is enabled. */
export type Network = { label: string; regions: readonly string[]; usual: readonly string[] } | null;

export interface Contours {
  network: Network;
  /** The optional engine TotalSegmentator, where it is installed and enabled; null: it is not. */
  totalsegmentator: Network;
  /** The network that suspects lesions; null: none is enabled. */
  lesion_network: { label: string } | null;
  revision: { number: number; author?: string; at?: string; note?: string } | null;
  grid: VolumeHeader;
  layers: Record<Kind, { volume: string | null }>;
  regions: RegionContour[];
  editors: { name: string; since: string }[];
  /** What this person drew and did not save, with the revision it was drawn on. */
  draft: Partial<Record<Kind, { base_number: number; at: string }>> | null;
  history: { number: number; author: string; at: string; note: string }[];
}
