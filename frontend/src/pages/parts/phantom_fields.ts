/** Forms of the phantom measurements, and what they send. */
export type Method = 'planar' | 'cylinder' | 'sphere' | 'dead_time' | 'recovery';
export interface Field { name: string; label: string; kind: 'number' | 'time' | 'text' | 'rows' | 'list' | 'choice'; isOptional?: boolean; usual?: number; choices?: readonly (readonly [string, string])[]; columns?: number; nRows?: number }

export const METHODS: Record<Method, { label: string; title: string; needsScan: boolean; hint: string }> = {
  planar: { label: 'Planar source', title: 'Factor from a planar source in air', needsScan: false, hint: 'Counts of one head in the photopeak window. The factor serves projections that are reconstructed here.' },
  cylinder: { label: 'Cylinder', title: 'Factor from a filled cylinder', needsScan: true, hint: 'Projections, which are reconstructed here as those of patients are, or an image of the camera in counts. The cylinder is found by itself; without a region all counts are taken.' },
  sphere: { label: 'Sphere', title: 'Factor from a hot sphere', needsScan: true, hint: 'Projections, which are reconstructed here as those of patients are, or an image of the camera in counts. The sphere is found by itself; a region wider than its blur takes its counts.' },
  dead_time: { label: 'Dead time', title: 'Dead time from count rates', needsScan: false, hint: 'Rates of one head over the whole spectrum: a decaying source by the hour, or several known activities.' },
  recovery: { label: 'Recovery', title: 'Recovery of spheres', needsScan: true, hint: 'Projections of spheres filled with one solution, once their reconstruction has a confirmed factor, or an image in Bq/mL. They are found by themselves, the largest first.' },
};

const number = (name: string, label: string, more: Partial<Field> = {}): Field => ({ name, label, kind: 'number', ...more });
const OPTIONAL = { isOptional: true } as const;
const centres = (label: string, nRows: number): Field => ({ name: 'centres_lps_mm', label, kind: 'rows', columns: 3, nRows, ...OPTIONAL });
const SOURCE: readonly Field[] = [number('activity_mbq', 'Activity at assay, net of the syringe (MBq)'), number('activity_standard_uncertainty_mbq', 'Its standard uncertainty (MBq)'), number('clock_standard_uncertainty_s', 'Uncertainty of the clocks (s)', OPTIONAL)];
const SCAN: readonly Field[] = [{ name: 'assay_at', label: 'Time of the assay', kind: 'time' }, ...SOURCE, number('acquired_counts', 'Photopeak counts of all projections (of an image of the camera)', OPTIONAL)];

export const METHOD_FIELDS: Record<Method, readonly Field[]> = {
  planar: [...SOURCE, number('assay_to_start_min', 'From assay to start of the scan (min)'), number('duration_s', 'Duration (s)'), number('counts', 'Counts in the region'), number('background_counts', 'Counts without the source', OPTIONAL), number('background_duration_s', 'Duration of the background (s)', OPTIONAL)],
  cylinder: [...SCAN, number('phantom_volume_ml', 'Filled volume (mL)', OPTIONAL), number('phantom_volume_standard_uncertainty_ml', 'Its standard uncertainty (mL)', OPTIONAL), number('region_diameter_mm', 'Region: diameter (mm)', OPTIONAL), number('region_length_mm', 'Region: length (mm)', OPTIONAL)],
  sphere: [...SCAN, number('sphere_diameter_mm', 'Inner diameter of the sphere (mm)'), number('region_diameter_mm', 'Diameter of the region (mm)', OPTIONAL), number('background_shell_mm', 'Shell for the background (mm)', OPTIONAL), centres('Centre “x, y, z” (LPS, mm); empty: it is found', 1)],
  dead_time: [{ name: 'is_decaying', label: 'First column', kind: 'choice', choices: [['true', 'Hours: one decaying source'], ['false', 'MBq: several activities']] }, { name: 'model', label: 'Model', kind: 'choice', choices: [['paralysable', 'Paralysable'], ['non_paralysable', 'Non-paralysable']] }, number('duration_s', 'Duration of each count (s)'), number('background_cps', 'Rate without a source (cps)', OPTIONAL), { name: 'rows', label: 'One “hours or MBq; cps” a line', kind: 'rows', columns: 2, nRows: 7 }],
  recovery: [{ name: 'assay_at', label: 'Time of the assay', kind: 'time' }, number('concentration_kbq_per_ml', 'Concentration in the spheres at assay (kBq/mL)'), number('background_kbq_per_ml', 'Around them (kBq/mL)', OPTIONAL), number('relative_standard_uncertainty_percent', 'Uncertainty of each recovery (%)', { usual: 5 }), { name: 'diameters_mm', label: 'Inner diameters (mm)', kind: 'list' }, centres('Centres “x, y, z” (LPS, mm), one a line in that order; empty: they are found', 4), { name: 'reconstruction', label: 'Reconstruction of an image of the camera: collimator, iterations, filter', kind: 'text', ...OPTIONAL }],
};

function numbers(text: string): number[] {
  return text.split(/[\s,;]+/).filter(Boolean).map((part) => {
    const value = Number(part);
    if (!Number.isFinite(value)) throw new Error(`“${part}” is no number.`);
    return value;
  });
}

const COLUMNS: Record<number, string> = { 2: 'two numbers: hours or MBq, then cps', 3: 'three numbers: x, y and z in mm' };

/** Rows of two or three numbers, one row a line. */
export function rowsOf(text: string, nColumns = 2): number[][] {
  const rows = text.split('\n').map((line) => line.trim()).filter(Boolean).map(numbers);
  const bad = rows.findIndex((row) => row.length !== nColumns);
  if (bad >= 0) throw new Error(`Line ${bad + 1} needs ${COLUMNS[nColumns] ?? `${nColumns} numbers`}.`);
  return rows;
}

/** What the form holds, as the server takes it: empty optional fields are left out, times carry their zone. */
export function inputsOf(method: Method, values: Record<string, string>): Record<string, unknown> {
  const inputs: Record<string, unknown> = { nuclide: values.nuclide };
  for (const field of METHOD_FIELDS[method]) {
    const text = (values[field.name] ?? '').trim();
    if (!text) continue;
    if (field.kind === 'time') inputs[field.name] = new Date(text).toISOString();
    else if (field.kind === 'rows') inputs[field.name] = rowsOf(text, field.columns);
    else if (field.name === 'diameters_mm') inputs[field.name] = numbers(text);
    else if (field.name === 'is_decaying') inputs[field.name] = text === 'true';
    else inputs[field.name] = field.kind === 'number' ? Number(text) : text;
  }
  return inputs;
}

/** The form of an earlier measurement: what was sent, as it would be typed. */
export function valuesOf(method: Method, inputs: Record<string, unknown>): Record<string, string> {
  const values: Record<string, string> = { nuclide: String(inputs.nuclide ?? '') };
  for (const field of METHOD_FIELDS[method]) {
    const value = inputs[field.name];
    if (value === undefined || value === null) continue;
    if (field.kind === 'time') values[field.name] = localTime(String(value));
    else if (field.kind === 'rows') values[field.name] = lines(value as number[][]);
    else values[field.name] = Array.isArray(value) ? value.join(', ') : String(value as string | number | boolean);
  }
  return values;
}

/** Rows of numbers, one a line, as they are typed. */
export const lines = (rows: readonly (readonly number[])[]): string => rows.map((row) => row.join(', ')).join('\n');

/** A moment as a field for date and time takes it: by the clock here, without a zone. */
function localTime(moment: string): string {
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
